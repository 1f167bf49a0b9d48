"""The boxes of the floor plan: plain, serialisable records that flow one way.

    Task -> Trajectory -> PrivilegedState + Proposal -> Correction -> Example -> PolicyRef

All are frozen dataclasses of JSON-like values, written as one JSON line each by
`leap_core.runs.records`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Outcome = Literal["success", "failure", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One thing to do in an environment.

    Attributes:
        id: stable and unique within the environment, across splits, versions and machines.
        split: the split that it belongs to.
        goal: the instruction, as the student will read it ("" where only the first observation
            says it).
        task_type: the group under which scores are reported ("" where there are no groups).
        data: what the environment needs to open it again. Never shown to the student.
    """

    id: str
    split: str
    goal: str = ""
    task_type: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


_PLACEHOLDER = re.compile(r"<[^<>]+>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What the student sees before it acts.

    Attributes:
        text: the observation itself.
        candidates: actions that can be taken now, verbatim; empty where the environment lists none.
        templates: actions with a free part, such as `search[<query>]`.
    """

    text: str
    candidates: tuple[str, ...] = ()
    templates: tuple[str, ...] = ()

    @property
    def open_ended(self) -> bool:
        """Whether any non-empty action may be tried (the environment lists none)."""
        return not self.candidates and not self.templates

    def accepts(self, action: str) -> bool:
        """Whether `action` can be executed here: listed, matching a template, or unrestricted."""
        if self.open_ended:
            return bool(action.strip())
        return action in self.candidates or any(matches(t, action) for t in self.templates)


def matches(template: str, action: str) -> bool:
    """Whether `action` fills every `<placeholder>` of `template` with some text."""
    parts = [re.escape(part) for part in _PLACEHOLDER.split(template)]
    found = re.fullmatch("(.+)".join(parts), action, re.DOTALL)
    return found is not None and all(filled.strip() for filled in found.groups())


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """What an episode answers to an action; the words mean what Gymnasium means by them.

    Attributes:
        success: whether the task is done; must be given when `terminated` is true, and may be
            when `truncated` is.
        score: the environment's own score of the episode so far, as `success` is given; None
            stands for 1 on success and 0 otherwise.
        info: whatever else is to be kept with the trajectory (parts of the score and the like).
    """

    observation: Observation
    reward: float = 0.0
    terminated: bool = False
    truncated: bool = False
    success: bool | None = None
    score: float | None = None
    info: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One turn of the student: what it saw (o_t), thought (rho_t) and did (a_t)."""

    observation: Observation
    reason: str
    action: str
    reward: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trajectory:
    """One episode from first observation to end.

    Attributes:
        final: text of the observation after the last action.
        outcome: "success", "failure", or "error" (then `error` says what happened).
        score: the environment's own score of the episode (0..1 unless the environment says
            otherwise).
        seed: the seed that the episode was opened with.
        info: what the environment reported at the end (parts of the score and the like).
    """

    task: Task
    steps: tuple[Step, ...]
    final: str = ""
    outcome: Outcome = "failure"
    score: float = 0.0
    seed: int = 0
    error: str | None = None
    malformed: int = 0
    info: Mapping[str, Any] = field(default_factory=dict)

    @property
    def succeeded(self) -> bool:
        return self.outcome == "success"


FactKind = Literal["place", "content", "answer", "worth", "name"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A hidden relation that a correction must not tell: `value` is true of `subject`.

    Attributes:
        kind: "place": the subject is at the value (a mug in a cabinet, a product on a page, a file
            in a folder). "content": the subject has the value (a price, a line). "answer": the
            value answers the task. "worth": the subject, a product say, would score the value.
            "name": the value itself is hidden, whatever is said of it.
        subject: names of the subject, the plainest first; empty where the task is the subject.
        value: names of the value, the plainest first.
        hint: looser names of the value, such as the kind of place, that tell something only in a
            plain statement.
    """

    kind: FactKind
    value: tuple[str, ...]
    subject: tuple[str, ...] = ()
    hint: tuple[str, ...] = ()

    def __str__(self) -> str:
        about = f"{self.subject[0]} " if self.subject else ""
        return f"{about}{_RELATION[self.kind] if about else ''}{self.value[0]}"


_RELATION: dict[FactKind, str] = {
    "place": "is in ",
    "content": "has ",
    "answer": "is ",
    "worth": "is worth ",
    "name": "is ",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivilegedState:
    """What is true at one step and hidden from the student; training time only.

    Attributes:
        text: the state in words, for a teacher's prompt.
        secrets: what must not show in a correction unless the student's history already holds it;
            the leak audit looks for these. A `Fact` is found in other words too; a string where
            its words, or most of them, stand together.
        facts: the same for programs (scripted experts); JSON-like.
    """

    text: str
    secrets: tuple[str | Fact, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A teacher's word on one step, before validation. `step` counts from 0.

    `changed` is the teacher's own claim that it corrected the step; None where it makes none.
    """

    step: int
    reason: str
    action: str
    changed: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """A validated improvement (rho~_t, a~_t) of one step of a failed trajectory."""

    task_id: str
    seed: int
    step: int
    student_reason: str
    student_action: str
    reason: str
    action: str
    teacher: str
    level: int
    leak: float = 0.0
    snapped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A proposal that cannot be trained on, and why."""

    task_id: str
    seed: int
    step: int
    reason: str
    action: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """trunk(t) + branch(t): see DESIGN of the prompt in `leap_core.policy.prompt`.

    Attributes:
        trunk: append-only pieces; the prompt of step t+1 starts with exactly these.
        branch: what only this step needs, up to where the reply begins.
    """

    trunk: tuple[str, ...]
    branch: str

    @property
    def text(self) -> str:
        return "".join(self.trunk) + self.branch


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One training row: at this prompt, give this reply (rather than `rejected`, if any)."""

    prompt: Prompt
    reply: str
    rejected: str | None
    source: Literal["demonstration", "correction"]
    iteration: int
    task_id: str
    seed: int
    step: int
    environment: str = ""

    @property
    def trajectory(self) -> tuple[str, int, str, str, int]:
        """Key of the trajectory that this row was cut from; its rows share one trunk."""
        return (self.environment, self.iteration, self.source, self.task_id, self.seed)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRef:
    """A student that can be loaded again.

    Attributes:
        kind: "transformers" (a model folder or hub id), "server" (OpenAI-compatible address),
            "scripted" (a policy that the environment ships) or "plugin" (an engine that a plugin
            registered).
        model: folder, hub id, model name at the server ("" for its only one), scripted policy's
            name, or ENGINE:MODEL for a plugin's.
        adapter: folder of a PEFT adapter over `model`, or None.
        base_url: address of the server, for kind "server"; several with commas between them.
    """

    kind: Literal["transformers", "server", "scripted", "plugin"]
    model: str
    adapter: str | None = None
    base_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What model calls used. Costs are in US dollars; None means that the price is unknown."""

    calls: int = 0
    cached_calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = 0.0

    def __add__(self, other: Usage) -> Usage:
        known = self.cost is not None and other.cost is not None
        return Usage(
            calls=self.calls + other.calls,
            cached_calls=self.cached_calls + other.cached_calls,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            cost=self.cost + other.cost if known else None,  # type: ignore[operator]
        )


@dataclass(frozen=True, kw_only=True)
class TeacherRecord:
    """The teacher's answer on one trajectory, in numbers: one line of teacher.jsonl.

    Attributes:
        corrections, rejections: how many of its proposals were accepted, and how many not.
        problems: parts of the raw answer that could not be used, in words.
        error: why there is no answer, or None.
        measures: figures of the teacher's own, such as a KL divergence.
        confirmed: steps that the teacher repeated as they were.
    """

    task_id: str
    seed: int
    corrections: int
    rejections: int
    summary: str
    usage: Usage
    problems: tuple[str, ...]
    error: str | None
    measures: Mapping[str, float] = field(default_factory=dict)
    confirmed: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """Figures of one logging step of an update: one line of metrics.jsonl."""

    values: Mapping[str, float]
