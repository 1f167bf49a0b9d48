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
    standard output, and one self-contained HTML page into the run folder. A run in several
    environments has a report, and a page, for each.
    """
    from leap_core.errors import ConfigError
    from leap_core.runs.folder import RunFolder

    folder = RunFolder(run)
    several = [folder.environment(label) for label in folder.environments()]
    if several and page is not None:
        raise ConfigError(
            f"--html is for one environment; name one of: {', '.join(map(str, several))}"
        )
    for place in several or [run]:
        _report(place, page or RunFolder(place).report_path, settings.quiet)


def _report(run: Path, page: Path, quiet: bool) -> None:
    from leap_core.errors import RunFolderError
    from leap_core.report.collect import collect
    from leap_core.report.html import as_html
    from leap_core.report.markdown import as_markdown
    from leap_core.runs.records import write_aside

    report = collect(run)
    click.echo(as_markdown(report), nl=False)
    try:
        write_aside(page, as_html(report).encode())
    except OSError as error:
        raise RunFolderError(f"cannot write the page '{page}': {error.strerror}") from error
    if not quiet:
        click.echo(f"wrote {page}", err=True)
