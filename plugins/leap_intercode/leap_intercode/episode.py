"""An episode of InterCode-Bash."""

from __future__ import annotations

from leap_core import EnvironmentFailure, Episode, Observation, Transition
from leap_intercode.options import BashOptions
from leap_intercode.play import GoldRunner, Session, episode_time
from leap_intercode.reward import Score
from leap_intercode.tree import Tree

WON = 1.0
_CLOSE = 1e-9
SKIPPED = "skipped"
"""What upstream shows after `skip`."""


class BashEpisode(Episode):
    """One task in a box of its own."""

    def __init__(
        self, query: str, gold: str, tree: Tree, runner: GoldRunner, options: BashOptions
    ) -> None:
        self.query, self.gold, self.tree = query, gold, tree
        self.runner, self.options = runner, options
        self.session: Session | None = None
        self.now = 0
        self.best = 0.0
        self._observation = query

    def reset(self) -> Observation:
        """Open a fresh box; the first observation is the task."""
        self.close()
        self.now = episode_time()
        self.session = Session(self.runner.backend, self.tree, self.options.quoting, self.now)
        self.best = 0.0
        self._observation = self.query
        return Observation(text=self.query)

    def step(self, action: str) -> Transition:
        """Run a command; `submit…` ends with the reward, `skip` with none."""
        session = self.session
        if session is None:
            raise EnvironmentFailure("the episode is over: reset it, or open another")
        if action.startswith("submit"):
            return self._submit(session)
        if action == "skip":
            self.close()
            return Transition(
                observation=Observation(text=SKIPPED),
                reward=0.0,
                terminated=True,
                success=False,
                score=0.0,
            )
        output = session.act(action, self.options.seconds)
        self._observation = shorten(output, self.options.shown)
        shown = Observation(text=self._observation)
        if self.options.scoring == "submit":
            return Transition(observation=shown)
        score = self._score(session)
        self.best = max(self.best, score.reward)
        won = is_won(score.reward)
        if won:
            self.close()
        return Transition(
            observation=shown,
            reward=score.reward,
            terminated=won,
            success=is_won(self.best),
            score=min(self.best, WON),
            info={"parts": score.as_dict()},
        )

    def _submit(self, session: Session) -> Transition:
        score = self._score(session)
        self.close()
        reward = max(score.reward, self.best)
        return Transition(
            observation=Observation(text=self._observation),
            reward=reward,
            terminated=True,
            success=is_won(reward),
            score=min(reward, WON),
            info={"parts": score.as_dict()},
        )

    def _score(self, session: Session) -> Score:
        # Before the first command, upstream compares the task's own words.
        if session.output is None:
            session.output = self.query
        return self.runner.score(session, self.tree, self.gold, self.now)

    def close(self) -> None:
        """End the box."""
        if self.session is not None:
            self.session.close()
            self.session = None


def is_won(reward: float) -> bool:
    """Success is the full reward."""
    return reward > WON - _CLOSE


def shorten(text: str, most: int) -> str:
    """The beginning and end of a long text, with a note of what was left out."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n[… {len(text) - 2 * half} characters left out …]\n{text[-half:]}"
