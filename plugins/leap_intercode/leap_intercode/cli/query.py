"""`leap intercode query`: statements on the official databases, and answers compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from leap_core import ConfigError
from leap_intercode.cli.common import store_options
from leap_intercode.sql.answer import Store
from leap_intercode.sql.cases import Comparison, plain, read_cases, run_cases
from leap_intercode.sql.choice import chosen_store

_SECONDS = 60.0


@click.command("query")
@click.argument("database", required=False)
@click.argument("statement", required=False)
@store_options
@click.option(
    "--cases",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A file of statements with answers: JSON Lines with database, sql, rows or error.",
)
@click.option("--show", is_flag=True, help="Print the cases that differ.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    database: str | None,
    statement: str | None,
    store: str,
    url: str | None,
    data_dir: Path | None,
    cases: Path | None,
    show: bool,
    as_json: bool,
) -> None:
    """Run STATEMENT on the official DATABASE, or compare the answers of --cases with a store's."""
    if (cases is None) == (statement is None) or (cases is not None and database is not None):
        raise ConfigError("give DATABASE and STATEMENT, or --cases FILE")
    chosen = chosen_store(store, url, data_dir)
    try:
        if cases is not None:
            _compare(chosen, cases, show, as_json)
        else:
            _run(chosen, str(database), str(statement), as_json)
    finally:
        chosen.close()


def _run(store: Store, database: str, statement: str, as_json: bool) -> None:
    answer = store.run(database, statement, _SECONDS)
    if as_json:
        rows = None if answer.rows is None else [[plain(v) for v in row] for row in answer.rows]
        click.echo(json.dumps({"rows": rows, "error": answer.error, "code": answer.code}))
    elif answer.error:
        click.echo(f"error {answer.code or ''}: {answer.error}")
    else:
        for row in answer.rows or []:
            click.echo(str(row))


def _compare(store: Store, path: Path, show: bool, as_json: bool) -> None:
    facts = store.facts()
    comparison = Comparison()
    for case, answer in run_cases(store, read_cases(path)):
        comparison.add(case, answer, str(facts["store"]))
    counts: dict[str, Any] = {
        key: getattr(comparison, key)
        for key in ("cases", "equal", "order_only", "different", "errors", "as_mysql_8")
    }
    if as_json:
        named = [
            dict(zip(("verdict", "database", "sql"), n, strict=True)) for n in comparison.named
        ]
        click.echo(json.dumps({**facts, **counts, "named": named}))
        return
    told = ", ".join(f"{value} {key.replace('_', ' ')}" for key, value in counts.items())
    click.echo(f"{facts['store']} {facts['store_version']}: {told}")
    if show:
        for verdict, database, sql in comparison.named:
            click.echo(f"  {verdict}: {database}: {sql}")
