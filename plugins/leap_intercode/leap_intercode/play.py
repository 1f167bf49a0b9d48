"""Playing a task: acting in a box by upstream's rules, and scoring against the gold command."""

from __future__ import annotations

import re
from codecs import getincrementaldecoder
from collections.abc import Sequence
from dataclasses import dataclass

from leap_core import EnvironmentFailure
from leap_intercode import commands
from leap_intercode.backends import GOLD_HOSTNAME, HOSTNAME, Backend, Sandbox
from leap_intercode.commands import Quoting
from leap_intercode.reward import Outcome, Score, score
from leap_intercode.sandbox.client import Output
from leap_intercode.status import Snapshot
from leap_intercode.tree import Tree, reference_time

GOLD_SECONDS = 60.0

_TIME_DEPENDENT = re.compile(
    r"\b(?:date|cal|ncal|w|who|uptime|ps|pstree|top|df|free|vmstat|last|[acm]min|newer\w*|atime"
    r"|ctime|RANDOM|SECONDS|EPOCH\w+|/proc|mktemp|shuf)\b|\$\$|/proc/"
)


class Session:
    """A box with a working folder, as upstream's environment keeps it.

    `before`: what the tree looks like in a box, where that is known already.
    """

    def __init__(
        self,
        backend: Backend,
        tree: Tree,
        quoting: Quoting,
        now: float,
        before: Snapshot | None = None,
        hostname: str = HOSTNAME,
    ) -> None:
        self.quoting = quoting
        self.box: Sandbox = backend.open(tree, now, hostname)
        self.workdir = "/"
        self.output: str | None = None
        self.executed = True
        try:
            self.before = before or Snapshot.of(self.box.snapshot())
        except EnvironmentFailure:
            self.box.close()
            raise

    def act(self, action: str, seconds: float = commands.SECONDS) -> str:
        """Run an action and return what upstream would show."""
        moves = commands.changes_folder(action)
        workdir, target = self.workdir, ""
        if moves:
            target = commands.folder_after(action, self.workdir)
            action, workdir = f"cd {target}", "/"
        text = self._run(action, workdir, seconds)
        if moves and self.executed:
            self.workdir = target
        self.output = commands.MALFORMED if text is None else text
        return self.output

    def run_gold(self, command: str) -> Outcome:
        """Run a gold command, from / whatever it is, and return what it leaves."""
        argv = commands.arguments(command, self.quoting)
        if argv is None:
            return self.outcome()
        done, entries = self.box.run_and_snapshot(argv, "/", GOLD_SECONDS)
        self.output = self._text(done, argv, "/")
        return Outcome(self.output, self.before, Snapshot.of(entries))

    def outcome(self) -> Outcome:
        """What has been left so far."""
        return Outcome(self.output, self.before, Snapshot.of(self.box.snapshot()))

    def close(self) -> None:
        """End the box."""
        self.box.close()

    def _run(self, action: str, workdir: str, seconds: float) -> str | None:
        """Output as text; None where upstream calls the command malformed."""
        self.executed = False
        argv = commands.arguments(action, self.quoting)
        if argv is None:
            return None
        try:
            done = self.box.run(argv, workdir, seconds)
        except (UnicodeEncodeError, ValueError):
            return None  # no program can be given such an argument
        return self._text(done, argv, workdir)

    def _text(self, done: Output, argv: Sequence[str], workdir: str) -> str | None:
        self.executed = False
        if done.failed:
            return commands.not_started(done.failed, argv, workdir, done.errno)
        if done.timed_out:
            return commands.TIMED_OUT
        self.executed = done.code == 0
        try:
            # Where output is cut, so may be its last character: that is left out.
            return getincrementaldecoder("utf-8")().decode(done.data, final=not done.cut)
        except UnicodeDecodeError:
            self.executed = False
            return None


@dataclass(frozen=True, slots=True)
class GoldKey:
    """What the outcome of a gold command depends on."""

    tree: str
    command: str
    now: int


class GoldRunner:
    """Runs gold commands in fresh boxes; remembers what does not depend on the time."""

    def __init__(self, backend: Backend, quoting: Quoting) -> None:
        self.backend, self.quoting = backend, quoting
        self._known: dict[GoldKey, Outcome] = {}
        self._before: dict[str, Snapshot] = {}

    def outcome(self, tree: Tree, command: str, now: int) -> Outcome:
        """What the gold command leaves."""
        key = GoldKey(tree.name, command, now)
        if key in self._known:
            return self._known[key]
        before = self._before.get(tree.name)
        session = Session(self.backend, tree, self.quoting, now, before, GOLD_HOSTNAME)
        try:
            self._before[tree.name] = session.before
            outcome = session.run_gold(command)
        finally:
            session.close()
        if not depends_on_time(command):
            self._known[key] = outcome
        return outcome

    def score(self, session: Session, tree: Tree, command: str, now: int) -> Score:
        """The reward of a session as it stands."""
        self._before.setdefault(tree.name, session.before)
        return score(session.outcome(), self.outcome(tree, command, now))


def depends_on_time(command: str) -> bool:
    """Whether a command may print something else a moment later."""
    return _TIME_DEPENDENT.search(command) is not None


def episode_time() -> int:
    """The time that the files of an episode, and of its gold run, are dated from."""
    return reference_time()
