"""Prompt layout of trunk and branch.

The prompt of step t is `trunk(t) + branch(t)`. The trunk (instructions, task, o1 a1 o2 a2 … ot)
only grows; the branch (candidate actions, reminder) belongs to step t alone. Rollouts extend a
cached trunk; training packs all branches of a trajectory around one trunk.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property

import jinja2

from leap_core.contracts.environment import Layout
from leap_core.errors import ConfigError, unknown
from leap_core.types import Observation, Prompt, Step, Task


class PromptRenderer:
    """Renders prompts of one layout. `overrides` replaces templates by the config's own."""

    def __init__(
        self, layout: Layout, horizon: int, overrides: Mapping[str, str] | None = None
    ) -> None:
        self.horizon = horizon
        sources = {"opening": layout.opening, "turn": layout.turn, "branch": layout.branch}
        for name, text in (overrides or {}).items():
            if name not in sources:
                raise ConfigError(unknown("layout template", name, sources, "student.layout"))
            sources[name] = text
        self.sources = sources

    @cached_property
    def _templates(self) -> dict[str, jinja2.Template]:
        environment = jinja2.Environment(
            undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False
        )
        try:
            return {name: environment.from_string(text) for name, text in self.sources.items()}
        except jinja2.TemplateSyntaxError as error:
            raise ConfigError(f"the prompt layout is not a valid template: {error}") from error

    def opening(self, task: Task, observation: Observation) -> str:
        """First piece of the trunk."""
        return self._render(
            "opening",
            goal=task.goal,
            task_type=task.task_type,
            observation=observation.text,
            horizon=self.horizon,
        )

    def turn(self, action: str, observation: Observation) -> str:
        """The piece that one step adds to the trunk."""
        return self._render("turn", action=action, observation=observation.text)

    def branch(self, observation: Observation) -> str:
        """What only the present step needs."""
        return self._render(
            "branch", candidates=observation.candidates, templates=observation.templates
        )

    def prompt(self, task: Task, history: Sequence[Step], observation: Observation) -> Prompt:
        """The prompt at `observation` after `history`.

        The last piece of the trunk is the newest: `len(prompt.trunk) == len(history) + 1`.
        """
        if not history:
            return Prompt(trunk=(self.opening(task, observation),), branch=self.branch(observation))
        seen = [step.observation for step in history[1:]] + [observation]
        turns = tuple(self.turn(s.action, o) for s, o in zip(history, seen, strict=True))
        first = self.opening(task, history[0].observation)
        return Prompt(trunk=(first, *turns), branch=self.branch(observation))

    def fingerprint(self) -> str:
        """Hash of the templates and horizon: prompts compare only where it is the same."""
        text = "\0".join(
            [*(self.sources[name] for name in sorted(self.sources)), str(self.horizon)]
        )
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _render(self, name: str, **values: object) -> str:
        try:
            return self._templates[name].render(**values)
        except jinja2.UndefinedError as error:
            raise ConfigError(f"the prompt layout's '{name}' template: {error}") from error
