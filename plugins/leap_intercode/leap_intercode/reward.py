"""The reward of InterCode-Bash: what changed, how it changed, and what was printed.

    0.01 + round(0.33 (1 - erf(missing + extra)), 2) + files + round(0.33 cosine, 2)

`files` is 0.33, or the share of new files that the agent and the gold command both made and made
alike: round(0.33 correct / total, 2). Success is a reward of exactly 1.0.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import erf
from typing import Any

from leap_intercode.similarity import similarity
from leap_intercode.status import Change, Snapshot, read_status, status_text

_LINKS_FOLLOWED = 8


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command left: its output (None where it is no text) and the box's files."""

    output: str | None
    before: Snapshot
    after: Snapshot


@dataclass(frozen=True, slots=True)
class Score:
    """A reward and its parts. `plain` is False where upstream could not have computed it."""

    reward: float
    file_diff: float
    file_changes: float
    answer: float
    cosine: float
    missing: tuple[Change, ...]
    extra: tuple[Change, ...]
    plain: bool = True

    def as_dict(self) -> dict[str, Any]:
        """For `Transition.info`: numbers only, nothing that the gold command tells."""
        return {
            "reward": self.reward,
            "file_diff": self.file_diff,
            "file_changes": self.file_changes,
            "answer_similarity": self.answer,
            "plain": self.plain,
        }


def score(agent: Outcome, gold: Outcome) -> Score:
    """Compare what the agent left with what the gold command leaves."""
    ours, plain_ours = read_status(status_text(agent.before, agent.after))
    theirs, plain_theirs = read_status(status_text(gold.before, gold.after))
    missing = tuple(sorted(set(theirs) - set(ours)))
    extra = tuple(sorted(set(ours) - set(theirs)))
    common = [path for path, kind in set(ours) & set(theirs) if kind in ("A", "??", "C")]
    alike = sum(_same(path, agent.after, gold.after) for path in common)
    cosine = similarity(agent.output or "", gold.output)
    return combine(missing, extra, alike, len(common), cosine, plain=plain_ours and plain_theirs)


def combine(
    missing: Sequence[Change],
    extra: Sequence[Change],
    alike: int,
    common: int,
    cosine: float,
    *,
    plain: bool = True,
) -> Score:
    """The formula."""
    file_diff = round(0.33 * (1 - erf(len(missing) + len(extra))), 2)
    file_changes = round(0.33 * (alike / common), 2) if common else 0.33
    answer = round(0.33 * cosine, 2)
    reward = 0.01 + file_diff + file_changes + answer
    return Score(
        reward, file_diff, file_changes, answer, cosine, tuple(missing), tuple(extra), plain
    )


def _same(path: str, ours: Snapshot, theirs: Snapshot) -> bool:
    """Whether a new file was made alike: by md5sum where its name has a dot.

    Upstream compares other names by `md5deep`, which its image lacks, so that they always match.
    """
    if "." not in path:
        return True
    return _content(path, ours.files) == _content(path, theirs.files)


def _content(path: str, files: Mapping[str, tuple[str, bool, str]]) -> str:
    """What `md5sum` would tell of a path: a digest, or why there is none."""
    path = path.rstrip("/")
    for _ in range(_LINKS_FOLLOWED):
        kind, _, digest = files.get(path, ("missing", False, ""))
        if kind == "file":
            return digest
        if kind != "link":
            return "dir" if kind == "repo" else kind
        target = digest if digest.startswith("/") else f"{posixpath.dirname(path)}/{digest}"
        path = posixpath.normpath(target).lstrip("/")
    return "loop"
