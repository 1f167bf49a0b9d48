"""`leap audit RUN…`: do reasons leak, and could the student have come to them itself?"""

from __future__ import annotations

import json
from pathlib import Path

import click

from leap_core.cli.main import Settings


@click.command()
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path))
@click.option("--threshold", type=click.FloatRange(0, 1, min_open=True), default=0.5,
              show_default=True, help="Score from which a reason leaks.")  # fmt: skip
@click.option("--worst", type=click.IntRange(min=0), default=5, show_default=True,
              help="How many of the worst examples to show.")  # fmt: skip
@click.option("--export", type=click.Path(path_type=Path), metavar="FILE",
              help="Audit the rows that `leap export --examples` wrote of RUN, too.")  # fmt: skip
@click.option("--no-likelihoods", is_flag=True,
              help="Do not score the corrections under the student.")  # fmt: skip
@click.option("--sentences", type=click.Path(path_type=Path), metavar="FILE",
              help="Score single reasons, one JSON object a line, instead of runs.")  # fmt: skip
@click.option("--judge", metavar="MODEL",
              help="With --sentences: ask this model, or {name: …, options: …}.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.pass_obj
def command(
    settings: Settings, runs: tuple[Path, ...], threshold: float, worst: int, export: Path | None,
    no_likelihoods: bool, sentences: Path | None, judge: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Audit the demonstrations and corrections of some runs, or single reasons.

    Leaks: what a reason tells of the privileged state though the student's history does not
    hold it, by environment and privilege level; and how often the rules are right on labelled
    reasons that the environment ships. Realizability: the corrections' mean log-likelihood under
    the student that was corrected.
    """
    if (sentences is None) == (not runs):
        raise click.UsageError("give either runs or --sentences FILE")
    if sentences is not None:
        if export is not None:
            raise click.UsageError("--export goes with a run")
        _score_sentences(sentences, judge, threshold, as_json)
        return
    if judge is not None:
        raise click.UsageError("--judge goes with --sentences; a run's judge is teacher.audit")
    if export is not None and len(runs) > 1:
        raise click.UsageError("--export goes with one run")
    from leap_core.analysis.audit import audit_run
    from leap_core.report.audit import print_audits
    from leap_core.runs.progress import Screen

    screen = Screen(settings.quiet or as_json)
    audits = [audit_run(r, threshold, worst, not no_likelihoods, screen, export) for r in runs]
    if as_json:
        click.echo(json.dumps([a.as_dict() for a in audits], ensure_ascii=False))
    else:
        print_audits(audits, threshold)


def _score_sentences(path: Path, judge: str | None, threshold: float, as_json: bool) -> None:
    """Print one verdict a line; the totals go to standard error, apart from the verdicts."""
    from leap_core.analysis.sentences import accuracy, judge_of
    from leap_core.analysis.verdicts import score_file
    from leap_core.report.audit import sentence_line, total_lines

    verdicts = score_file(path, None if judge is None else judge_of(judge))
    for verdict in verdicts:
        if as_json:
            click.echo(json.dumps(verdict.as_dict(), ensure_ascii=False))
        else:
            click.echo(sentence_line(verdict, threshold))
    for line in total_lines(verdicts, accuracy(verdicts, threshold)):
        click.echo(line, err=True)
