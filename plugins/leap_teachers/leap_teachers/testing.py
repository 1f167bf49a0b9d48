"""For tests: answers to this package's prompts, made by an environment's scripted expert.

Served over HTTP by `leap_core.testing.provider.Provider`, they stand in for a model that always
knows best:

    answers = OracleAnswers(environment, source, environment.tasks("train"), level=3)
    with Provider(answers) as provider: …
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from leap_core import (
    Environment,
    PrivilegedSource,
    PrivilegedState,
    Step,
    Task,
    Trajectory,
)

_ASKED = re.compile(r"Correct these steps: ([\d, ]+)\.\s*$")


class OracleAnswers:
    """Reads the attempt out of a correction prompt and answers as the expert would.

    The task is told from its goal and first observation, and where several of `tasks` share
    these, from the hidden facts in the prompt. `seed` is what the episodes were opened with, for
    environments where it matters.
    """

    def __init__(
        self,
        environment: Environment,
        source: PrivilegedSource,
        tasks: Sequence[Task],
        level: int = 3,
        seed: int = 0,
    ) -> None:
        expert = environment.expert()
        assert expert is not None, "the environment has no scripted expert"
        self._environment, self._expert, self._source = environment, expert, source
        self._level, self._seed = level, seed
        self._tasks: dict[tuple[str, str], list[Task]] = {}
        for task in tasks:
            episode = environment.open(task, seed)
            self._tasks.setdefault((task.goal, episode.reset().text), []).append(task)
            episode.close()

    def __call__(self, request: Mapping[str, Any]) -> str:
        """The assistant's message for an OpenAI chat request."""
        prompt = str(request["messages"][-1]["content"])
        found = _ASKED.search(prompt)
        assert found is not None, "no correction prompt"
        asked = [int(step) for step in found.group(1).split(",")]
        trajectory, states = self._read(prompt, asked[0])
        return self._answer(trajectory, states, asked)

    def _answer(
        self, trajectory: Trajectory, states: Sequence[PrivilegedState], asked: Sequence[int]
    ) -> str:
        proposals = {p.step: p for p in self._expert.correct(trajectory, states, self._level)}
        entries = []
        for step in asked:
            entry: dict[str, Any] = {"step": step, "changed": False, "reason": "", "action": ""}
            if step in proposals:
                proposal = proposals[step]
                entry.update(changed=True, reason=proposal.reason, action=proposal.action)
            entries.append(entry)
        return json.dumps({"summary": "The student lost its way.", "steps": entries})

    def _read(self, prompt: str, first: int) -> tuple[Trajectory, Sequence[PrivilegedState]]:
        """The attempt that a correction prompt shows, and what was true in it."""
        attempt, _ = json.JSONDecoder().raw_decode(prompt, prompt.index("{"))
        records = attempt["steps"]
        for task in self._tasks[attempt["task"], records[0]["observation"]]:
            steps = self._replay(task, records)
            if steps is None:
                continue
            trajectory = Trajectory(task=task, steps=steps, seed=self._seed)
            states = self._source.states(trajectory)
            if self._level == 1 or states[first].text in prompt:
                return trajectory, states
        raise LookupError("no task fits the prompt")

    def _replay(self, task: Task, records: Sequence[Mapping[str, Any]]) -> tuple[Step, ...] | None:
        """The steps with all that was seen (prompts leave some of it out); None if it differs."""
        episode = self._environment.open(task, self._seed)
        observation, steps = episode.reset(), []
        for record in records:
            if observation.text != record["observation"]:
                return None
            steps.append(
                Step(
                    observation=observation,
                    reason=record.get("reason", ""),
                    action=record["action"],
                )
            )
            if len(steps) < len(records):
                observation = episode.step(record["action"]).observation
        episode.close()
        return tuple(steps)
