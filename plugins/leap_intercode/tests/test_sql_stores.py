"""Where SQL runs: a process with limits, a server of LEAP's own, a reader's account."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from leap_core import ConfigError, DataError, EnvironmentFailure
from leap_intercode.cli.group import command
from leap_intercode.sql.answer import Answer
from leap_intercode.sql.cases import Case, Comparison, read_cases
from leap_intercode.sql.dump import parse_dump
from leap_intercode.sql.mariadb import MariadbStore
from leap_intercode.sql.server import MysqlStore
from leap_intercode.sql.sqlite import SqliteStore
from leap_intercode.sql.wire import packed, unpacked
from tests.support.databases import DUMP, NOW, engine


@pytest.fixture(scope="module")
def store():
    made = SqliteStore(parse_dump(DUMP))
    yield made
    made.close()


def test_answers_cross_the_pipe_as_they_are():
    row = (
        1,
        2.5,
        None,
        "ü",
        Decimal("1.50"),
        date(2020, 1, 2),
        datetime(2020, 1, 2, 3),
        timedelta(hours=-1),
        b"\x00\xff",
    )
    for answer in (Answer([row]), Answer(None, "no", 1064), Answer([])):
        assert unpacked(packed(answer)) == answer


def test_a_store_answers_and_can_be_copied(store):
    assert store.run("SHOP", "SELECT id FROM shop ORDER BY id", 5).rows == [(1,), (2,), (3,)]
    copy = pickle.loads(pickle.dumps(store))
    assert copy.run("shop", "SELECT NOW()", 5).rows == [(NOW,)]
    copy.close()
    with pytest.raises(EnvironmentFailure, match="no database 'x'"):
        store.run("x", "SELECT 1", 5)


def test_a_forked_process_gets_a_process_of_its_own(store):
    mine = store.run("shop", "SELECT 1", 5)
    child = os.fork()
    if child == 0:
        ours = store.run("shop", "SELECT COUNT(*) FROM shop", 5)
        store.close()
        os._exit(0 if ours.rows == [(3,)] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store.run("shop", "SELECT 1", 5) == mine


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE shop",
        "DELETE FROM shop",
        "INSERT INTO shop VALUES (9)",
        "VACUUM INTO '/tmp/x'",
        "UPDATE shop SET id = 0",
        "CREATE TABLE x (a int)",
        "ATTACH '/tmp/x.db' AS x",
        "BEGIN",
        "PRAGMA query_only = OFF",
        "SELECT load_extension('x')",
        "SELECT writefile('/tmp/x', 'y')",
        "SELECT 1; DROP TABLE shop",
        "SELECT 1 INTO OUTFILE '/tmp/x'",
        "SELECT 1 INTO/**/OUTFILE '/x'",
        "",
        "nonsense",
        "'",
        "\0",
        "SELECT '\ud800'",
    ],
)
def test_nothing_is_written_and_nonsense_is_an_answer(store, statement):
    found = store.run("shop", statement, 5)
    assert found.error or statement == "SELECT '\ud800'"
    assert store.run("shop", "SELECT count(*) FROM shop", 5).rows == [(3,)]


MEGABYTE = "REPEAT('a', 1000000)"
PAIRS = "information_schema.columns a, information_schema.columns b, information_schema.columns c"
NUMBERS = "WITH RECURSIVE n AS (SELECT 1 i UNION ALL SELECT i + 1 FROM n) "
ATTACKS = {
    "many zeroblobs": "SELECT " + ",".join(["zeroblob(300000000)"] * 60),
    "hex of a zeroblob": "SELECT replace(hex(zeroblob(100000000)), '0', 'xxxx')",
    "wide row": "SELECT " + ",".join([MEGABYTE] * 60),
    "nested replace": "SELECT " + "REPLACE(" * 20 + "'aaaaaaaaaa'" + ",'a','aaaaaaaaaa')" * 20,
    "expression that backtracks": f"SELECT '{'a' * 40}b' REGEXP '(a*)*(a*)*(a*)*c'",
    "like with many wildcards": f"SELECT REPEAT('a', 100000) LIKE '{'%a' * 200}b'",
    "product": f"SELECT COUNT(*) FROM {PAIRS}, information_schema.columns d",
    "endless rows": NUMBERS + "SELECT i FROM n",
    "endless sum": NUMBERS + "SELECT SUM(i) FROM n",
    "distinct megabytes": f"SELECT DISTINCT {MEGABYTE}, a.column_name, b.column_name FROM {PAIRS}",
    "group_concat": f"SELECT GROUP_CONCAT(a.column_name, b.column_name) FROM {PAIRS}",
    "sleep": "SELECT SLEEP(100)",
    "parentheses": "SELECT " + "(" * 1000 + "1" + ")" * 1000,
    "long sum": "SELECT " + "1+" * 20000 + "1",
    "many columns": "SELECT " + ",".join(["1"] * 20000),
    "many unions": "SELECT 1" + " UNION SELECT 1" * 2000,
    "many tables": "SELECT 1 FROM " + ",".join(f"shop t{i}" for i in range(80)),
    "too long": "SELECT '" + "a" * (1 << 20) + "'",
    "thousands of statements": "SELECT 1;" * 5000,
    "infinity": "SELECT 1e308 * 10",
}


@pytest.mark.parametrize("name", ATTACKS)
def test_no_statement_takes_more_than_it_may(store, name):
    store.run("shop", "SELECT 1", 5)
    answer = store.run("shop", ATTACKS[name], 1)
    assert answer.error or len(str(answer.rows)) < 2000
    process = store._process
    if process is not None and process.poll() is None:
        status = Path(f"/proc/{process.pid}/status").read_text()
        peak = next(
            int(line.split()[1]) for line in status.splitlines() if line.startswith("VmPeak")
        )
        assert peak <= 513 << 10
    assert store.run("shop", "SELECT COUNT(*) FROM shop", 5).rows == [(3,)], "the store lives on"


def test_the_process_ends_with_the_one_that_reads_from_it():
    code = (
        "import sys, time, os; sys.path[:0] = [sys.argv[1]]\n"
        "from tests.support.databases import DUMP\n"
        "from leap_intercode.sql.dump import parse_dump\n"
        "from leap_intercode.sql.sqlite import SqliteStore\n"
        "store = SqliteStore(parse_dump(DUMP)); store.run('shop', 'SELECT 1', 5)\n"
        "print(store._process.pid, flush=True); time.sleep(60)"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", code, str(Path(__file__).parents[3])],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    worker = int(owner.stdout.readline())
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    owner.stdout.close()
    for _ in range(100):
        if not alive(worker):
            break
        time.sleep(0.05)
    assert not alive(worker)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


FORMS = {
    "list": lambda n: "SELECT " + ",".join(["1"] * (n // 2)),
    "conditions": lambda n: "SELECT 1 FROM shop WHERE " + " OR ".join(["id=1"] * (n // 8)),
    "values": lambda n: "SELECT 1 FROM shop WHERE id IN (" + ",".join(["1"] * (n // 2)) + ")",
    "quotes": lambda n: "SELECT '" + "''" * (n // 2) + "'",
    "open quote": lambda n: "SELECT 'a" + "'" * (n | 1),
    "comments": lambda n: "SELECT " + "/**/" * (n // 4) + "1",
    "statements": lambda n: "SELECT 1;" * (n // 9),
    "unions": lambda n: "SELECT 1" + " UNION SELECT 1" * (n // 15),
    "parentheses": lambda n: "(" * n,
    "backticks": lambda n: "`" * n,
    "slashes": lambda n: "/" * n,
    "not": lambda n: "SELECT " + "NOT " * (n // 4) + "1",
    "names": lambda n: "SELECT " + "a." * (n // 2) + "a",
    "prose": lambda n: "I think that the answer is " * (n // 27),
    "pattern": lambda n: "SELECT 'a' LIKE '" + "%a" * (n // 2) + "'",
    "blanks": lambda n: "SELECT COUNT" + " " * n + "(*)",
}


SIZES = (32_000, 128_000, *((512_000,) if os.environ.get("LEAP_FULL") else ()))


@pytest.mark.parametrize("form", FORMS)
def test_translating_grows_no_faster_than_the_statement(form):
    """Four times as long takes a few times as much of the processor, far from sixteen times."""
    made = engine()
    made.run("shop", "SELECT 1 FROM shop", 5)
    took = []
    for size in SIZES:
        began = time.process_time()
        made.run("shop", FORMS[form](size), 60)
        took.append(time.process_time() - began)
    assert took[-1] < 2.5 * took[0] * SIZES[-1] / SIZES[0] + 1, took


# -- servers --------------------------------------------------------------------------------------


def test_a_server_needs_a_url_without_a_password():
    with pytest.raises(ConfigError, match="passwords do not belong"):
        MysqlStore("mysql://me:secret@host")
    with pytest.raises(ConfigError, match="no URL such as"):
        MysqlStore("postgres://host")


def test_a_missing_server_program_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr("leap_intercode.sql.mariadb.shutil.which", lambda *_, **__: None)
    with pytest.raises(ConfigError, match="apt install mariadb-server"):
        MariadbStore(tmp_path / "dump.sql").run("shop", "SELECT 1", 5)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    pytest.importorskip("pymysql", reason="leap-intercode[mysql] is not installed")
    path = tmp_path_factory.mktemp("dump") / "dump.sql"
    path.write_text(DUMP, encoding="utf-8")
    made = MariadbStore(path)
    try:
        made.facts()
    except ConfigError as error:
        pytest.skip(str(error))
    yield made
    made.close()


def test_a_server_of_leaps_own_answers(server):
    assert server.run("shop", "SELECT Name FROM shop WHERE id = 2", 5).rows == [("zoe",)]
    assert "MariaDB" in server.facts()["store_version"]
    copy = pickle.loads(pickle.dumps(server))
    assert copy.run("other", "SELECT id FROM thing", 5).rows == [(7,)], "the same server"
    copy.close()


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE shop",
        "DELETE FROM shop",
        "CREATE TABLE x (a int)",
        "SET GLOBAL read_only = 0",
        "SET SESSION TRANSACTION READ WRITE",
        "SELECT 1 INTO OUTFILE '/tmp/leap-outfile'",
        "SELECT 1 INTO/**/OUTFILE '/tmp/leap-outfile'",
        "SELECT * FROM mysql.global_priv",
        "SET PASSWORD = PASSWORD('x')",
        "GRANT ALL ON *.* TO CURRENT_USER",
        "CREATE USER x",
        "SELECT 1; SELECT 2",
        "LOAD DATA INFILE '/etc/passwd' INTO TABLE shop",
        "SHUTDOWN",
        "INSTALL SONAME 'x'",
        "nonsense",
    ],
)
def test_a_reader_writes_nothing(server, statement):
    assert server.run("shop", statement, 5).error
    assert server.run("shop", "SELECT COUNT(*) FROM shop", 5).rows == [(3,)]
    assert not Path("/tmp/leap-outfile").exists()


def test_a_reader_sees_no_files(server):
    found = server.run("shop", "SELECT LOAD_FILE('/etc/passwd')", 5)
    assert found.error or found.rows == [(None,)]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT SLEEP(60)",
        "SET STATEMENT max_statement_time = 0 FOR SELECT SLEEP(60)",
        "SELECT a.seq FROM seq_1_to_1000000 a",
        f"SELECT {', '.join(['REPEAT(Name, 1000000)'] * 9)} FROM shop",
        f"SELECT COUNT(*) FROM {PAIRS}, information_schema.columns d, information_schema.columns e",
    ],
)
def test_a_servers_answers_are_bounded(server, statement):
    began = time.monotonic()
    answer = server.run("shop", statement, 1)
    assert answer.error or len(str(answer.rows)) < 100
    assert time.monotonic() - began < 30
    server.run("shop", "SET SESSION max_statement_time = 0", 1)
    server.run("shop", "USE other", 1)
    assert server.run("shop", "SELECT COUNT(*) FROM shop", 5).rows == [(3,)]


def test_an_account_that_may_write_is_refused(server, monkeypatch):
    import pymysql

    class Cursor:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def execute(self, sql):
            self.sql = sql

        def fetchall(self):
            return [("GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION",)]

    class Connection:
        def cursor(self, *_):
            return Cursor()

        def close(self):
            pass

    monkeypatch.setattr(pymysql, "connect", lambda **_: Connection())
    with pytest.raises(ConfigError, match="may do more than read"):
        MysqlStore("mysql://root@localhost").run("shop", "SELECT 1", 5)


def test_a_server_ends_with_its_store(tmp_path):
    pytest.importorskip("pymysql", reason="leap-intercode[mysql] is not installed")
    path = tmp_path / "dump.sql"
    path.write_text(DUMP, encoding="utf-8")
    store = MariadbStore(path)
    try:
        store.facts()
    except ConfigError as error:
        pytest.skip(str(error))
    assert store._server is not None
    assert store._store is not None
    folder = Path(store._store.url.partition("socket=")[2].replace("%2F", "/")).parent
    keeper = store._server.pid
    (child,) = Path(f"/proc/{keeper}/task/{keeper}/children").read_text().split()
    os.kill(keeper, signal.SIGKILL)
    store._server.wait()
    for _ in range(100):
        if not alive(int(child)):
            break
        time.sleep(0.05)
    assert not alive(int(child)), "the server ends even if its keeper is killed"
    with pytest.raises(EnvironmentFailure):
        store.run("shop", "SELECT 1", 5)
    store.close()
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


# -- cases and commands ---------------------------------------------------------------------------


def test_answers_are_compared():
    comparison = Comparison()
    rows = [[1, "a"], [2, "b"]]
    for answer in (
        Answer([(1, "a"), (2, "b")]),
        Answer([(2, "b"), (1, "a")]),
        Answer([(1, "a")]),
        Answer(error="no"),
        Answer(error="not grouped", code=1055),
    ):
        comparison.add(Case("d", "SELECT …", rows, ""), answer, "sqlite")
    comparison.add(Case("d", "nonsense", None, "error"), Answer(error="other"), "sqlite")
    counts = (comparison.equal, comparison.order_only, comparison.different, comparison.errors)
    assert counts == (3, 1, 1, 1)
    assert (comparison.cases, comparison.as_mysql_8) == (6, 1)
    comparison.add(Case("d", "x", rows, ""), Answer(error="no", code=1055), "mariadb")
    assert comparison.errors == 2


@pytest.mark.parametrize(
    "line",
    [
        "no json",
        "[]",
        '{"database": "d"}',
        '{"database": "d", "sql": "x"}',
        '{"database": "d", "sql": "x", "rows": [], "error": "x"}',
    ],
)
def test_cases_that_are_none_are_named(tmp_path, line):
    path = tmp_path / "cases.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(DataError, match=r"cases\.jsonl', line 1"):
        read_cases(path)


@pytest.fixture
def official(tmp_path) -> Path:
    (tmp_path / "ic_spider_dbs.sql").write_text(DUMP, encoding="utf-8")
    task = {"query": "?", "gold": "SELECT id FROM shop", "db": "shop", "hardness": "easy"}
    (tmp_path / "ic_spider_dev.json").write_text(json.dumps([task]))
    return tmp_path


def test_the_commands_print_json(official):
    cases = official / "cases.jsonl"
    cases.write_text('{"database": "shop", "sql": "SELECT 5/3", "rows": [[1.6667]]}\n')
    options = ["--data-dir", str(official), "--json"]
    done = CliRunner().invoke(command, ["query", "--cases", str(cases), *options])
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    assert (found["equal"], found["cases"], found["named"]) == (1, 1, [])
    done = CliRunner().invoke(command, ["query", "shop", "SELECT MIN(id) FROM shop", *options])
    assert json.loads(done.output) == {"rows": [[1]], "error": "", "code": 0}
    log = official / "log.json"
    history = {
        "actions": ["SELECT id FROM shop", "please", "SELECT nothing"],
        "observations": ["[(1,)]", "No SQL code was found in your last response.", "Error: x"],
        "rewards": [1.0, 0.0, 0.0],
    }
    log.write_text(json.dumps({"0": {"task_id": 0, "turn_history": history}}))
    done = CliRunner().invoke(command, ["replay", str(log), "--sql", *options])
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    assert (found["turns"], found["equal"], found["episodes"], found["same_verdict"]) == (
        3,
        3,
        1,
        1,
    )


def test_a_query_needs_a_statement_or_cases(official):
    done = CliRunner().invoke(command, ["query", "shop", "--data-dir", str(official)])
    assert isinstance(done.exception, ConfigError)
