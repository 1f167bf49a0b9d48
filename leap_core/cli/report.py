"""`leap report RUN`: what a run did, as markdown and as an HTML page."""

from __future__ import annotations

from pathlib import Path

import click

from leap_core.cli.main import Settings


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--html", "page", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write the page here (default: report.html in RUN).")  # fmt: skip
@click.pass_obj
def command(settings: Settings, run: Path, page: Path | None) -> None:
    """Show what a run did.

    RUN is a run folder, such as runs/quickstart; it may still be going on. Markdown goes to
    standard output, and one self-contained HTML page into the run folder.
    """
    from leap_core.errors import RunFolderError
    from leap_core.report.collect import collect
    from leap_core.report.html import as_html
    from leap_core.report.markdown import as_markdown
    from leap_core.run.records import write_aside

    report = collect(run)
    click.echo(as_markdown(report), nl=False)
    page = page or run / "report.html"
    try:
        write_aside(page, as_html(report).encode())
    except OSError as error:
        raise RunFolderError(f"cannot write the page '{page}': {error.strerror}") from error
    if not settings.quiet:
        click.echo(f"wrote {page}", err=True)
