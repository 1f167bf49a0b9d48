"""InterCode-SQL: reward, dump, environment."""

from __future__ import annotations

import math
import pickle
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
from leap_intercode.sql.embedded import TEMPLATES
from leap_intercode.sql.environment import SqlEnvironment, SqlOptions
from leap_intercode.sql.reward import kendall, reward
from leap_intercode.sql.server import MysqlStore

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
        ([(1,)], "Error: the gold query fails", 0.0),
        ([], "Error: the gold query fails", 1.0),
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


# -- dump ----------------------------------------------------------------------


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


def test_official_tasks_are_cut_by_index(intercode_data):
    official = SqlEnvironment(SqlOptions(tasks="official", data_dir=intercode_data))
    assert [len(official.tasks(s)) for s in ("train", "test", "all")] == [724, 310, 1034]
    task = official.tasks("test")[0]
    (shown,) = official.demonstrations([task], "expert")
    assert shown.succeeded
    assert shown.steps[0].action == "SHOW TABLES"
    official.store.close()
