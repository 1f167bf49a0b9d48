"""The official databases: gold queries and recorded episodes on both stores, and the docs' tables.

`LEAP_WRITE_DOCS=1` writes the tables into docs/intercode.md instead of comparing them; those with a
server need LEAP_FULL=1.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from leap_core import ConfigError
from leap_intercode.replay import Agreement
from leap_intercode.sql.answer import Answer, Store
from leap_intercode.sql.cases import Comparison, plain, read_cases, run_cases, same_bags, same_rows
from leap_intercode.sql.dump import read_dump
from leap_intercode.sql.mariadb import MariadbStore
from leap_intercode.sql.recordings import replay_sql
from leap_intercode.sql.sqlite import SqliteStore

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "intercode.md"
RECORDED = "transcripts/ic_sql_multiturn_gpt-3.5_10_turns.json"
full = pytest.mark.skipif(not os.environ.get("LEAP_FULL"), reason="takes a minute: LEAP_FULL=1")


@pytest.fixture(scope="module")
def sqlite(intercode_data) -> Iterator[SqliteStore]:
    made = SqliteStore(read_dump(intercode_data / "ic_spider_dbs.sql"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def mariadb(intercode_data) -> Iterator[MariadbStore]:
    """A server of LEAP's own with the official databases."""
    pytest.importorskip("pymysql", reason="leap-intercode[mysql] is not installed")
    made = MariadbStore(intercode_data / "ic_spider_dbs.sql")
    try:
        made.facts()
    except ConfigError as error:
        pytest.skip(str(error))
    yield made
    made.close()


@pytest.fixture(scope="module")
def spider(intercode_data) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads((intercode_data / "ic_spider_dev.json").read_text())
    return found


def replayed(store: Store, data: Path, tasks: list[dict[str, str]]) -> Agreement:
    agreement = Agreement()
    for turns in replay_sql(store, data / RECORDED, tasks):
        agreement.add(turns)
    return agreement


def share(count: int, of: int) -> str:
    return f"{count:,} ({count / of:.1%})".replace("%", " %")


def documented(name: str, lines: list[str]) -> None:
    """Compare a generated part of the page with what it should be, or write it."""
    text = PAGE.read_text(encoding="utf-8")
    begin, end = f"<!-- generated: {name} -->\n", f"<!-- end: {name} -->"
    before, _, rest = text.partition(begin)
    told, _, after = rest.partition(end)
    assert rest, f"docs/intercode.md has no part '{name}'"
    made = "\n".join(lines) + "\n"
    if os.environ.get("LEAP_WRITE_DOCS"):
        PAGE.write_text(before + begin + made + end + after, encoding="utf-8")
    else:
        assert told == made, f"run with LEAP_WRITE_DOCS=1 to write the part '{name}' anew"


def row(agreement: Agreement) -> str:
    return (
        f"{share(agreement.equal, agreement.turns)} | "
        f"{share(agreement.same_verdict, agreement.episodes)}"
    )


def test_recorded_rewards_on_sqlite(sqlite, spider, intercode_data):
    agreement = replayed(sqlite, intercode_data, spider)
    assert (agreement.turns, agreement.episodes) == (7499, 1034)
    assert agreement.equal / agreement.turns >= 0.99
    assert agreement.same_verdict / agreement.episodes >= 0.98
    left = Counter(turn.task for turn in agreement.different)
    lines = [
        "| recorded SQL episodes (GPT-3.5), embedded store | rewards equal | verdicts equal |",
        "|---|---|---|",
        f"| {agreement.turns:,} turns, {agreement.episodes:,} episodes | {row(agreement)} |",
        "",
        "The turns that differ, by task: "
        + ", ".join(f"{task} ({count})" for task, count in sorted(left.items()))
        + ".",
    ]
    documented("sql replay", lines)


@full
@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_recorded_rewards_on_mariadb(mariadb, spider, intercode_data):
    agreement = replayed(mariadb, intercode_data, spider)
    assert agreement.equal / agreement.turns >= 0.98, row(agreement)
    if os.environ.get("LEAP_WRITE_DOCS"):
        documented("sql replay on mariadb", [
            "| the same on `store: mariadb` | rewards equal | verdicts equal |",
            "|---|---|---|",
            f"| {agreement.turns:,} turns, {agreement.episodes:,} episodes | {row(agreement)} |",
        ])  # fmt: skip


def compared(ours: Answer, theirs: Answer, server: Store, task: dict[str, str]) -> str:
    """Say how the answers to a gold query agree."""
    if ours.error or theirs.error:
        if ours.error and theirs.error:
            return "refused by both"
        return f"refused by MySQL 8.0 ({ours.code})" if ours.error else "refused by MariaDB"
    one, other = ([[plain(v) for v in r] for r in a.rows or []] for a in (ours, theirs))
    if same_rows(one, other):
        return "equal"
    if same_bags(one, other):
        return "equal but for the order, which nothing fixes"
    return "a tie" if tied(one, server, task) else "different"


def tied(rows: list[list[Any]], server: Store, task: dict[str, str]) -> bool:
    """Whether our rows are among those that the server finds equally good: it ranks them alike."""
    found = re.search(r"(.*)\bORDER BY\s+(.+?)\s+LIMIT\s+\d+\s*$", task["gold"], re.I | re.S)
    if found is None:
        return False
    key = re.sub(r"\s+(?:asc|desc)$", "", found[2], flags=re.I)
    head = re.sub(r"^\s*SELECT\s", "SELECT ", found[1], count=1, flags=re.I)
    ranked = server.run(task["db"], f"SELECT {key} AS k_, {head[7:]} ORDER BY {found[2]}", 60)
    keyed = [[plain(v) for v in r] for r in ranked.rows or []]
    best = [r for r in keyed if r[0] == keyed[0][0]]
    return len(best) > 1 and any(same_rows(rows[:1], [r[1:]]) for r in best)


@full
@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_gold_queries_are_answered_as_mariadb_answers_them(sqlite, mariadb, spider):
    found: dict[str, list[int]] = {}
    for number, task in enumerate(spider):
        ours, theirs = (s.run(task["db"], task["gold"], 60) for s in (sqlite, mariadb))
        found.setdefault(compared(ours, theirs, mariadb, task), []).append(number)
    assert "different" not in found, found["different"]
    assert "refused by MariaDB" not in found
    assert len(found["equal"]) >= 900
    if os.environ.get("LEAP_WRITE_DOCS"):
        lines = [
            "| the 1,034 gold queries, embedded store and MariaDB | | which |",
            "|---|---|---|",
        ]
        for verdict, numbers in sorted(found.items(), key=lambda item: -len(item[1])):
            named = ", ".join(map(str, numbers)) if len(numbers) <= 20 else ""
            lines.append(f"| {verdict} | {len(numbers)} | {named} |")
        documented("sql gold", lines)


def test_gold_queries_run_or_are_refused_by_mysqls_grammar(sqlite, spider):
    codes = Counter(sqlite.run(t["db"], t["gold"], 10).code for t in spider)
    assert sum(codes.values()) == 1034
    assert set(codes) <= {0, 1055, 1064, 1140, 1248, 3065}, codes
    assert codes[0] >= 1014


CASES = ROOT.parent / "shared" / "cases" / "sql.jsonl"


@pytest.fixture
def cases() -> Path:
    """A file of statements with MariaDB's answers: LEAP_SQL_CASES, or beside the data packs."""
    path = Path(os.environ.get("LEAP_SQL_CASES", CASES))
    if not path.is_file():
        pytest.skip("LEAP_SQL_CASES names no file of statements with answers")
    return path


def test_statements_are_answered_as_mariadb_answered_them(sqlite, cases):
    comparison = Comparison()
    for case, answer in run_cases(sqlite, read_cases(cases)):
        comparison.add(case, answer, "sqlite")
    assert comparison.equal / comparison.cases >= 0.97, comparison.named
