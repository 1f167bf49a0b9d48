"""InterCode-SQL: reward, dump, dialect, SQLite and a real MariaDB server, environment, replay."""

from __future__ import annotations

import json
import math
import os
import pickle
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import leap_core
from leap_core import ConfigError, DataError, EnvironmentFailure, Trajectory
from leap_core.policy.prompt import PromptRenderer
from leap_intercode.privileged import GoldSource, SourceOptions
from leap_intercode.sql.dump import parse_dump, read_dump, statements
from leap_intercode.sql.embedded import NAME, TEMPLATES, database
from leap_intercode.sql.environment import SqlEnvironment, SqlOptions
from leap_intercode.sql.reward import kendall, reward
from leap_intercode.sql.stores import MysqlStore, SqliteStore, Store

full = pytest.mark.skipif(not os.environ.get("LEAP_FULL"), reason="takes a minute: LEAP_FULL=1")

DUMP = """\
CREATE DATABASE IF NOT EXISTS `shop` /*!40100 DEFAULT CHARACTER SET utf8 */;
USE `shop`;
-- a comment; with a semicolon
CREATE TABLE `thing` (
  `id` int NOT NULL AUTO_INCREMENT,
  `Name` varchar(20) DEFAULT 'none',
  `price` double DEFAULT NULL,
  `size` text,
  PRIMARY KEY (`id`),
  KEY `by_name` (`Name`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;
INSERT INTO `thing` VALUES (1,'it\\'s; (a), \\"test\\"',2.5,'10'),(2,NULL,-1,'9');
INSERT INTO `thing` VALUES (3,'B''s',NULL,'x\\ny');
"""


# -- reward ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("agent", "gold", "expected"),
    [
        ([(1,), (2,)], [(1,), (2,)], 1.0),
        ([(2,), (1,)], [(1,), (2,)], -1.0),
        ([(1,)], [(1,)], 1.0),
        ([], [], 1.0),
        ([], [(1,)], 0.0),
        ([(1,), (1,)], [(1,)], 0.5),
        ([(1,), (2,), (3,)], [(1,), (2,)], round(2 / 3, 2)),
        ([(1,), (9,)], [(1,), (2,), (3,)], 0.25),
        ("Error executing query: x", [(1,)], 0.0),
        (None, [(1,)], 0.0),
        ([(1,)], "Error", 0.0),
    ],
)
def test_the_reward_is_overlap_times_order(agent, gold, expected):
    assert reward(agent, gold) == expected


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=12))
def test_kendalls_tau_is_that_of_counting_pairs(pairs):
    one, other = [str(a) for a, _ in pairs], [str(b) for _, b in pairs]
    balance = ties_one = ties_other = 0
    for i in range(len(pairs)):
        for j in range(i):
            a = (one[i] > one[j]) - (one[i] < one[j])
            b = (other[i] > other[j]) - (other[i] < other[j])
            balance += a * b
            ties_one += a == 0
            ties_other += b == 0
    total = len(pairs) * (len(pairs) - 1) // 2
    found = kendall(one, other)
    if total in (ties_one, ties_other):
        assert found is None
    else:
        expected = balance / math.sqrt(total - ties_one) / math.sqrt(total - ties_other)
        assert found == pytest.approx(max(-1.0, min(1.0, expected)))


# -- dump and dialect ----------------------------------------------------------------------


def test_a_dump_is_read():
    table = parse_dump(DUMP)["shop"].tables["thing"]
    assert table.rows == [
        (1, 'it\'s; (a), "test"', 2.5, "10"), (2, None, -1, "9"), (3, "B's", None, "x\ny"),
    ]  # fmt: skip
    assert [(c.name, c.kind, c.key, c.null) for c in table.columns] == [
        ("id", "integer", "PRI", False), ("Name", "text", "MUL", True),
        ("price", "real", "", True), ("size", "text", "", True),
    ]  # fmt: skip


def test_a_broken_dump_is_named(tmp_path):
    path = tmp_path / "dump.sql"
    for content in ("", "USE `x`;", "INSERT INTO `t` VALUES (1);"):
        path.write_text(content)
        with pytest.raises(DataError, match=r"dump\.sql"):
            read_dump(path)


@given(st.text(max_size=80))
def test_any_text_is_split_into_statements(text):
    assert all(statement.strip() for statement in statements(text))


def test_a_join_finds_texts_that_end_in_spaces():
    cities = ",".join(f"('city {i} ','k{i}')" for i in range(200))
    flights = ",".join(f"('k{i % 200}','k{i * 7 % 200}')" for i in range(2000))
    store = SqliteStore(
        parse_dump(
            "CREATE DATABASE `air`;\nUSE `air`;\n"
            "CREATE TABLE `airports` (\n  `City` text,\n  `Code` text\n);\n"
            "CREATE TABLE `flights` (\n  `Source` text,\n  `Target` text\n);\n"
            f"INSERT INTO `airports` VALUES {cities};\nINSERT INTO `flights` VALUES {flights};\n"
        )
    )
    query = (
        "SELECT count(*) FROM flights f JOIN airports a ON f.Target = a.Code JOIN airports b "
        "ON f.Source = b.Code WHERE a.City = 'city 7' AND b.City = 'city 1'"
    )
    assert store.run("air", query, 5).rows == [(10,)]
    store.close()


@pytest.fixture
def store() -> SqliteStore:
    return SqliteStore(parse_dump(DUMP))


@pytest.mark.parametrize(
    ("statement", "rows"),
    [
        ("SELECT id FROM thing WHERE name = 'b''s'", [(3,)]),
        ('SELECT id FROM THING WHERE NAME = "B\'s";', [(3,)]),
        ("SELECT id FROM shop.thing WHERE size > 9.5", [(1,)]),
        ("SELECT 3 / 2", [(1.5,)]),
        ("SELECT 0 || 1", [(1,)]),
        ("SELECT concat(id, '-', 'x') FROM `thing` LIMIT 1, 1", [("2-x",)]),
        ("SELECT if(1 > 2, 'a', 'b'), year('2014-05-06'), left('abc', 2)", [("b", 2014, "ab")]),
        ("SHOW TABLES", [("thing",)]),
        ("show databases;", [("shop",)]),
        ("USE shop", None),
    ],
)
def test_mysqls_words_are_understood(store, statement, rows):
    assert store.run("shop", statement, 5).observation == rows


def test_describe_tells_columns(store):
    rows = store.run("shop", "DESCRIBE thing", 5).rows
    assert rows is not None
    assert rows[0] == ("id", "int", "NO", "PRI", None, "auto_increment")
    assert store.run("shop", "SHOW COLUMNS FROM `thing`", 5).rows == rows
    assert "doesn't exist" in store.run("shop", "DESC nothing", 5).error


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE thing", "DELETE FROM thing", "INSERT INTO thing VALUES (9)",
        "UPDATE thing SET id = 0", "CREATE TABLE x (a)", "ATTACH '/tmp/x.db' AS x",
        "PRAGMA query_only = OFF", "SELECT load_extension('x')", "VACUUM INTO '/tmp/x'",
        "SELECT writefile('/tmp/x', 'y')", "SELECT 1; DROP TABLE thing", "", "nonsense", "'", "\0",
        "SELECT * FROM nowhere", "BEGIN",
    ],
)  # fmt: skip
def test_nothing_is_written_and_nonsense_is_an_answer(store, statement):
    assert store.run("shop", statement, 5).error or statement == ""
    assert store.run("shop", "SELECT count(*) FROM thing", 5).rows == [(3,)]


def test_a_query_that_takes_too_long_is_ended(store):
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n"
    assert "took more than" in store.run("shop", endless, 0.2).error
    many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
    assert "has more than 20,000 rows" in store.run("shop", many, 60).error


@given(st.text(max_size=60))
def test_any_statement_is_answered(text):
    made = SqliteStore({NAME: database(0)})
    assert made.run(NAME, text, 1) is not None
    made.close()


# -- the environment ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def environment() -> SqlEnvironment:
    return SqlEnvironment(SqlOptions())


def test_there_are_many_questions_in_separate_splits(environment):
    tasks = {split: environment.tasks(split) for split in environment.splits()}
    assert [len(found) for found in tasks.values()] == [120, 40, 40]
    goals = [t.goal for found in tasks.values() for t in found]
    assert len(set(goals)) == 200
    assert [
        t.goal for s in environment.splits() for t in SqlEnvironment(SqlOptions()).tasks(s)
    ] == goals
    assert not any("gold" in t.data for found in tasks.values() for t in found)
    assert {t.task_type for t in tasks["test"]} == {t.task_type for t in TEMPLATES}


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_gold_queries_demonstrations_and_the_explorer_succeed(environment, split):
    tasks = environment.tasks(split)
    for kind in environment.demonstration_kinds():
        for trajectory in environment.demonstrations(tasks, kind):
            assert trajectory.succeeded, trajectory.task
    explorer = environment.scripted_policy("explorer")
    assert explorer is not None
    for task in tasks:
        assert play(environment, task, explorer).succeeded


def play(environment: SqlEnvironment, task: Any, policy: Any) -> Trajectory:
    """Play by a scripted policy, or by a list of actions."""
    if isinstance(policy, list):
        return leap_core.play(environment, task, lambda steps, seen: ("I try.", policy[len(steps)]))
    return leap_core.play(environment, task, policy)


def test_an_episode_is_scored_on_submit_or_every_turn(environment):
    task = environment.tasks("train")[0]
    gold = environment.gold(task)
    episode = environment.open(task, 0)
    episode.reset()
    assert not episode.step(gold).terminated
    last = episode.step("submit")
    assert (last.success, last.score) == (True, 1.0)
    with pytest.raises(EnvironmentFailure, match="over"):
        episode.step("SELECT 1")
    every = SqlEnvironment(SqlOptions(scoring="every_turn"))
    episode = every.open(task, 0)
    episode.reset()
    wrong = episode.step("SELECT 'wrong'")
    assert (wrong.terminated, wrong.success) == (False, False)
    assert episode.step(gold).terminated
    episode.reset()
    last = episode.step("skip")
    assert (last.success, last.score) == (False, 0.0)


def test_the_expert_looks_first_and_level_five_does_not(environment):
    task = environment.tasks("train")[0]
    gold = environment.gold(task)
    trajectory = play(environment, task, ["SELECT 1", "SHOW TABLES", "SELECT 2", "submit"])
    states = GoldSource(SourceOptions(), environment).states(trajectory)
    expert = environment.expert()
    assert expert is not None
    by_level = {n: [p.action for p in expert.correct(trajectory, states, n)] for n in (2, 3, 5)}
    assert by_level[3][0] == "SHOW TABLES"
    assert gold not in by_level[3][:1]
    assert by_level[5] == [gold] * 4
    assert len(by_level[2]) == 1
    assert gold in states[0].secrets
    assert gold in states[0].text


def test_a_canary_in_the_gold_query_never_reaches_a_student(environment, monkeypatch):
    task = environment.tasks("train")[0]
    monkeypatch.setattr(environment, "gold", lambda _: "SELECT 'canary-7f3a'")
    writer = PromptRenderer(environment.layout(), environment.horizon)
    episode = environment.open(task, 0)
    text = writer.opening(task, episode.reset())
    for action in ("SHOW TABLES", "SELECT * FROM customers", "nonsense", "submit"):
        transition = episode.step(action)
        text += writer.turn(action, transition.observation) + str(transition.info)
    assert "canary" not in text
    assert "canary" not in str(task)


def test_wrong_options_are_refused(environment):
    with pytest.raises(ValidationError, match="did you mean 'count'"):
        SqlOptions(task_types=("cuont",))
    with pytest.raises(ConfigError, match="did you mean 'train'"):
        environment.tasks("tarin")
    with pytest.raises(ConfigError, match="passwords do not belong"):
        MysqlStore("mysql://me:secret@host")
    with pytest.raises(ConfigError, match="no URL such as"):
        MysqlStore("postgres://host")
    with pytest.raises(ConfigError, match="serves official tasks"):
        _ = SqlEnvironment(SqlOptions(url="mysql://root@localhost")).store


def test_the_environment_can_be_pickled(environment):
    copy = pickle.loads(pickle.dumps(environment))
    assert copy.tasks("test") == environment.tasks("test")
    assert copy.fingerprint()["store"] == "sqlite"


# -- official data ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def sqlite(intercode_data) -> SqliteStore:
    return SqliteStore(read_dump(intercode_data / "ic_spider_dbs.sql"))


@pytest.fixture(scope="module")
def spider(intercode_data) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads((intercode_data / "ic_spider_dev.json").read_text())
    return found


@pytest.fixture(scope="module")
def mariadb(intercode_data) -> Iterator[MysqlStore]:
    """A MariaDB server of the test's own, with the official databases loaded."""
    pytest.importorskip("pymysql", reason="leap-intercode[mysql] is not installed")
    server, install = (
        shutil.which("mariadbd", path="/usr/sbin:/usr/bin"),
        shutil.which("mariadb-install-db"),
    )
    client = shutil.which("mariadb")
    if not (server and install and client):
        pytest.skip("no MariaDB server here (Debian: apt install mariadb-server)")
    folder = Path(tempfile.mkdtemp(prefix="leap-mariadb-"))
    who = {"user": "nobody"} if os.geteuid() == 0 else {}
    if who:
        shutil.chown(folder, "nobody")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    plain = ["--no-defaults", f"--datadir={folder}/data"]
    subprocess.run(
        [install, *plain, "--auth-root-authentication-method=normal", "--skip-test-db"],
        check=True, **quiet, **who,
    )  # fmt: skip
    socket = folder / "socket"
    process = subprocess.Popen(
        [server, *plain, f"--socket={socket}", "--skip-networking",
         "--lower-case-table-names=1", f"--pid-file={folder}/pid",
         "--innodb-flush-log-at-trx-commit=0"],
        **quiet, **who,
    )  # fmt: skip
    try:
        connect = [client, "--no-defaults", f"--socket={socket}", "-uroot"]
        for _ in range(300):
            if subprocess.run([*connect, "-e", "SELECT 1"], **quiet).returncode == 0:
                break
            time.sleep(0.1)
        with (intercode_data / "ic_spider_dbs.sql").open("rb") as dump:
            subprocess.run(connect, stdin=dump, check=True, **quiet)
        made = MysqlStore(f"mysql://root@localhost/?socket={socket}")
        yield made
        made.close()
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def agreement(store: Store, spider: list[dict[str, str]], recorded: Path) -> tuple[int, int]:
    """(turns, turns with the recorded reward)."""
    turns = equal = 0
    answers: dict[int, Any] = {}
    for episode in json.loads(recorded.read_text()).values():
        number = int(episode["task_id"])
        task, history = spider[number], episode["turn_history"]
        if number not in answers:
            answers[number] = store.run(task["db"], task["gold"], 20).observation
        for action, expected in zip(history["actions"], history["rewards"], strict=False):
            found = store.run(task["db"], action, 20).observation
            turns += 1
            equal += abs(reward(found, answers[number]) - expected) < 0.006
    return turns, equal


RECORDED = "transcripts/ic_sql_multiturn_gpt-3.5_10_turns.json"


def test_every_gold_query_runs_on_sqlite(sqlite, spider):
    assert len(spider) == 1034
    assert not [t["gold"] for t in spider if sqlite.run(t["db"], t["gold"], 10).error]


def test_recorded_rewards_on_sqlite(sqlite, spider, intercode_data):
    turns, equal = agreement(sqlite, spider, intercode_data / RECORDED)
    assert turns > 7000
    assert equal / turns >= 0.97


@full
@pytest.mark.slow
def test_recorded_rewards_on_mariadb(mariadb, spider, intercode_data):
    turns, equal = agreement(mariadb, spider, intercode_data / RECORDED)
    assert equal / turns >= 0.98, (turns, equal)


@full
@pytest.mark.slow
def test_results_of_gold_queries_agree_between_sqlite_and_mariadb(sqlite, mariadb, spider):
    same = 0
    for task in spider:
        ours = sqlite.run(task["db"], task["gold"], 20).observation
        theirs = mariadb.run(task["db"], task["gold"], 20).observation
        same += isinstance(ours, list) and isinstance(theirs, list) and bag(ours) == bag(theirs)
    assert same >= 980, same


def bag(rows: list[tuple[Any, ...]]) -> Counter[tuple[str, ...]]:
    """Rows regardless of order, with numbers as numbers: Decimal('3.50') is 3.5."""
    return Counter(tuple(plain(value) for value in row) for row in rows)


def plain(value: Any) -> str:
    try:
        return f"{float(value):.3f}" if value is not None else "None"
    except (TypeError, ValueError):
        return str(value).casefold()


@full
@pytest.mark.slow
def test_a_server_writes_nothing_and_limits_time(mariadb):
    for statement in (
        "DROP TABLE singer",
        "DELETE FROM singer",
        "CREATE TABLE x (a int)",
        "SET SESSION TRANSACTION READ WRITE",
        "SELECT 1 INTO OUTFILE '/tmp/pwned'",
        "SELECT LOAD_FILE('/etc/passwd')",
        "SELECT SLEEP(60)",
    ):
        answer = mariadb.run("singer", statement, 5)
        assert answer.error or answer.rows == [(1,)], statement  # a sleep that was ended gives 1
    assert mariadb.run("singer", "nonsense", 5).error
    assert mariadb.run("singer", "SELECT 1; SELECT 2", 5).error
    mariadb.run("singer", "USE information_schema", 5)
    assert mariadb.run("singer", "SELECT count(*) FROM singer", 5).rows, "USE does not last"
    facts = mariadb.facts()
    assert "MariaDB" in facts["store_version"]
    with pytest.raises(EnvironmentFailure, match="cannot connect"):
        mariadb.run("no_such_database", "SELECT 1", 5)


def test_official_tasks_are_cut_by_index(intercode_data):
    official = SqlEnvironment(SqlOptions(tasks="official", data_dir=intercode_data))
    assert [len(official.tasks(s)) for s in ("train", "test", "all")] == [724, 310, 1034]
    task = official.tasks("test")[0]
    (shown,) = official.demonstrations([task], "expert")
    assert shown.succeeded
    assert shown.steps[0].action == "SHOW TABLES"
