"""Upstream's rules: quoting, `cd`, messages, status, similarity, reward."""

from __future__ import annotations

import json
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap_intercode import commands
from leap_intercode.play import depends_on_time
from leap_intercode.reward import Outcome, combine, score
from leap_intercode.similarity import similarity
from leap_intercode.status import Snapshot, read_status, status_text


@pytest.mark.parametrize(
    ("action", "upstream"),
    [
        ("ls -l", ["/bin/bash", "-c", "ls -l"]),
        ("  ls  ", ["/bin/bash", "-c", "ls"]),
        ("echo 'a  b'", ["/bin/bash", "-c", "echo 'a  b'"]),
        ('echo "a b"', ["/bin/bash", "-c", "echo a", "b"]),
        ('grep "x" f', ["/bin/bash", "-c", "grep x f"]),
        ('echo "', None),
        ("echo \\", None),
        ("printf 'a\\nb'", ["/bin/bash", "-c", "printf 'a\\nb'"]),
        ("echo \\$HOME", ["/bin/bash", "-c", "echo \\$HOME"]),
        ("a\0b", None),
    ],
)
def test_upstream_uses_up_double_quotes(action, upstream):
    assert commands.arguments(action, "upstream") == upstream


def test_clean_quoting_passes_actions_unchanged():
    assert commands.arguments(' echo "a b" ', "clean") == ["/bin/bash", "-c", 'echo "a b"']


@pytest.mark.parametrize(
    ("action", "workdir", "folder"),
    [
        ("cd /testbed", "/", "/testbed"),
        ("cd dir1", "/testbed", "/testbed/dir1"),
        ("cd ../x/./y/", "/testbed", "/x/y"),
        ("cd ../../..", "/testbed", "/"),
        ("cd ", "/testbed", "/testbed"),
        ("cd /testbed && ls", "/", "/testbed && ls"),
    ],
)
def test_all_after_cd_is_the_path(action, workdir, folder):
    assert commands.changes_folder(action)
    assert commands.folder_after(action, workdir) == folder


def test_cd_without_a_space_is_an_ordinary_command():
    assert not commands.changes_folder("cdx")
    assert not commands.changes_folder("cd")


@pytest.mark.parametrize(
    ("stage", "program", "number", "said"),
    [
        ("chdir", "/bin/bash", 2, 'chdir to cwd ("/w") set in config.json failed: no such file or'),
        ("chdir", "/bin/bash", 20, "config.json failed: not a directory: unknown\r\n"),
        ("exec", "bash", 2, 'exec: "bash": executable file not found in $PATH: unknown\r\n'),
        ("exec", "/bin/bash", 2, 'exec: "/bin/bash": stat /bin/bash: no such file or directory: u'),
        ("exec", "/bin/bash", 13, 'process: exec: "/bin/bash": permission denied: unknown\r\n'),
        ("exec", "/bin/bash", 7, "exec /bin/bash: argument list too long\n"),
    ],
)
def test_what_cannot_be_started_is_said_in_dockers_words(stage, program, number, said):
    assert said in commands.not_started(stage, [program], "/w", number)


# -- status ---------------------------------------------------------------------------------------

PATHS = st.text(st.sampled_from('ab ./é"\t'), min_size=1, max_size=6).filter(
    lambda p: not p.startswith("/") and not p.endswith("/") and "//" not in p and "." not in p
)


def snapshot(files: dict[str, str]) -> Snapshot:
    return Snapshot.of([(path, "file", False, content) for path, content in files.items()])


def test_a_status_names_what_changed_in_gits_order():
    before = snapshot({"b": "1", "a/x": "1", "c": "1"})
    after = Snapshot.of(
        [
            ("b", "file", False, "2"), ("a", "dir", False, ""), ("a/x", "file", True, "1"),
            ("new", "dir", False, ""), ("new/deep", "dir", False, ""),
            ("new/deep/f", "file", False, ""), ("a/y z", "file", False, ""),
            ("empty", "dir", False, ""), ("pipe", "other", False, ""),
        ]
    )  # fmt: skip
    assert status_text(before, after) == (' M a/x\n M b\n D c\n?? "a/y z"\n?? new/\n')


def test_a_path_with_a_space_shifts_upstreams_pairs():
    before, after = snapshot({"my file": "1", "z": "1"}), snapshot({})
    pairs, plain = read_status(status_text(before, after))
    assert not plain, "five words: upstream raises IndexError"
    assert pairs == [('"my file"', "D"), ("z", "D")]
    pairs, plain = read_status(status_text(snapshot({"a b": "1", "c d": "1"}), snapshot({})))
    assert plain
    assert pairs == [('"a', "D"), ("D", 'b"'), ('d"', '"c')]


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["a", "b", "d/a", "d/b c", "d/e/é", 'q"q']), st.sampled_from("12")
    ),
    st.dictionaries(st.sampled_from(["a", "b", "d/a", "x/y", "x/z z", "ü"]), st.sampled_from("12")),
)
def test_the_status_is_gits(tmp_path_factory, before, after):
    folder = tmp_path_factory.mktemp("git")

    def git(*arguments: str) -> str:
        identity = [
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@t",
            "-c",
            "core.excludesFile=/dev/null",
        ]
        done = subprocess.run(
            ["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True
        )
        return done.stdout

    def write(files: dict[str, str]) -> None:
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(content)

    git("init", "-q")
    write(before)
    git("add", "-A")
    git("commit", "-qm", "x", "--allow-empty")
    for path in before:
        (folder / path).unlink()
    write(after)
    assert status_text(snapshot(before), snapshot(after)) == git("status", "--short")


# -- similarity and reward ----------------------------------------------------------------------


def test_similarity_of_texts_without_words_is_equality():
    assert similarity("", "") == 1.0
    assert similarity("4\n", "4\n") == 1.0
    assert similarity("4\n", "5\n") == 0.0
    assert similarity("4\n", None) == 0.0
    assert similarity("word", "") == 0.0


@given(st.text(max_size=60), st.text(max_size=60))
def test_similarity_is_symmetric_and_between_nothing_and_all(one, other):
    found = similarity(one, other)
    assert found == pytest.approx(similarity(other, one))
    assert -1e-9 <= found <= 1 + 1e-9
    assert similarity(one, one) == pytest.approx(1.0)


def test_the_reward_of_the_gold_outcome_is_one_and_its_parts_count():
    before = snapshot({"a": "1"})
    gold = Outcome("out", before, snapshot({"a": "1", "new.txt": "x"}))
    assert score(gold, gold).reward == 1.0
    other_content = Outcome("out", before, snapshot({"a": "1", "new.txt": "y"}))
    assert score(other_content, gold).reward == pytest.approx(0.67)
    no_dot = Outcome("out", before, snapshot({"a": "1", "new": "x"}))
    gold_no_dot = Outcome("out", before, snapshot({"a": "1", "new": "y"}))
    assert score(no_dot, gold_no_dot).reward == 1.0, "md5deep is not installed upstream"
    modified = Outcome("out", before, snapshot({"a": "2"}))
    assert score(modified, Outcome("out", before, snapshot({"a": "3"}))).reward == 1.0
    assert score(Outcome("no", before, before), gold).reward == pytest.approx(0.39)
    assert score(Outcome("x", before, before), Outcome(None, before, before)).answer == 0.0


def test_what_depends_on_the_time_is_known():
    assert all(map(depends_on_time, ["date", "find / -mmin +5", "cal -h", "echo $$", "ps aux"]))
    assert not any(map(depends_on_time, ["find / -mtime +3", "update x", "echo dates"]))


def test_the_formula_equals_every_recorded_reward_that_has_its_parts(intercode_data):
    checked = 0
    for path in sorted((intercode_data / "transcripts").glob("ic_bash*.json")):
        for episode in json.loads(path.read_text()).values():
            info = episode.get("info")
            if not info:
                continue
            same = info.get("diff_same") or {}
            found = combine(
                info["diff_miss"], info["diff_extra"], same.get("correct", 0),
                same.get("total", 0), similarity(info["agent_obs"], info["eval_obs"]),
            )  # fmt: skip
            recorded = info["reward"]
            assert found.cosine == pytest.approx(info["answer_similarity"], abs=1e-9)
            assert found.file_diff == recorded["file_diff"]
            assert found.file_changes == recorded["file_changes"]
            assert found.answer == recorded["answer_similarity"]
            assert found.reward == episode["turn_history"]["rewards"][-1]
            checked += 1
    assert checked == 113
