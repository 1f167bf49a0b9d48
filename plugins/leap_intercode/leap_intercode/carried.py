"""Upstream's two containers, which live through a whole recording.

Between episodes, and before each run of a gold command, upstream resets its containers by git. That
brings contents back, but not dates and permissions: what was changed or deleted is new afterwards,
so that a gold command that deletes old files finds none when it runs again. LEAP's episodes all
start from a fresh tree; to play a recording again, the trees have to age as upstream's did.
"""

from __future__ import annotations

import time
from dataclasses import replace

from leap_intercode.backends import GOLD_HOSTNAME, Backend
from leap_intercode.play import Session, depends_on_time
from leap_intercode.reward import Outcome
from leap_intercode.tree import DAY, Entry, Tree

_TELL = 'stat -c "%Y %a %n" -- "$@"'
_SECONDS = 10.0


class Containers:
    """The agent's container and that of the gold command, as trees that carry their past."""

    def __init__(self, backend: Backend, tree: Tree, now: int) -> None:
        self.backend, self.now = backend, now
        self.agent = self.gold = tree
        self._known: dict[tuple[Tree, str], Outcome] = {}

    def open(self) -> Session:
        """The agent's container at the beginning of an episode."""
        return Session(self.backend, self.agent, "upstream", self.now)

    def end(self, session: Session) -> None:
        """Reset the agent's container after an episode."""
        self.agent = self._reset(self.agent, session, session.outcome())

    def run_gold(self, command: str) -> Outcome:
        """Run a gold command in its container, and reset it."""
        key = (self.gold, command)
        if key in self._known:
            return self._known[key]
        session = Session(self.backend, self.gold, "upstream", self.now, hostname=GOLD_HOSTNAME)
        try:
            outcome = session.run_gold(command)
            self.gold = self._reset(self.gold, session, outcome)
        finally:
            session.close()
        if self.gold == key[0] and not depends_on_time(command):
            self._known[key] = outcome
        return outcome

    def _reset(self, tree: Tree, session: Session, outcome: Outcome) -> Tree:
        """The tree as `git reset --hard; git clean -fd` leaves it."""
        told = self._dates(tree, session)
        before, after = outcome.before.files, outcome.after.files
        changed = {
            path for path in before.keys() | after.keys() if before.get(path) != after.get(path)
        }
        stirred = {path.rpartition("/")[0] for path in changed}
        fresh = (self.now - time.time()) / DAY
        entries = []
        for entry in tree.entries:
            path = entry.path.lstrip("/")
            if path in (changed if entry.kind != "dir" else stirred) or entry.path not in told:
                entry = _restored(entry, fresh) if path in before else entry
            else:
                modified, mode = told[entry.path]
                if modified != int(self.now - entry.days * DAY) or mode != entry.mode:
                    entry = replace(entry, days=(self.now - modified) / DAY, mode=mode)
            entries.append(entry)
        return replace(tree, entries=tuple(entries))

    def _dates(self, tree: Tree, session: Session) -> dict[str, tuple[int, int]]:
        paths = [entry.path for entry in tree.entries if entry.kind != "link"]
        done = session.box.run(["/bin/bash", "-c", _TELL, "stat", *paths], "/", _SECONDS)
        lines = [line.split(" ", 2) for line in done.data.decode(errors="replace").splitlines()]
        return {
            words[2]: (int(words[0]), int(words[1], 8))
            for words in lines
            if len(words) == 3 and words[0].isdigit()
        }


def _restored(entry: Entry, fresh: float) -> Entry:
    mode = entry.mode if entry.kind == "dir" else 0o755 if entry.mode & 0o100 else 0o644
    return replace(entry, days=fresh, mode=mode)
