"""Checks of updaters, on a student so small that an update takes a second or two."""

from __future__ import annotations

import hashlib
import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path

from leap_core.config.schema import GenerationConfig
from leap_core.contracts.engine import Request
from leap_core.contracts.updater import RolloutStep, UpdateContext, Updater
from leap_core.errors import LeapError
from leap_core.examples import examples_from_demonstrations
from leap_core.local.tiny_student import TinyOptions, build_tiny
from leap_core.policy.prompt import PromptRenderer
from leap_core.policy.reply import write_reply
from leap_core.stages.engines import require_local
from leap_core.testing.conformance.check import Nonconformity, check, expect, shown
from leap_core.testing.conformance.environments import check_options
from leap_core.testing.conformance.prompts_and_demonstrations import CANARY
from leap_core.testing.conformance.subjects import UpdaterSubject
from leap_core.testing.toy import ToyEnvironment, ToyOptions
from leap_core.types import Example, PolicyRef

_SMALL = TinyOptions(hidden_size=32, layers=2, heads=4, kv_heads=2, intermediate_size=64,
                     vocabulary=400, max_length=512)  # fmt: skip
_TASKS = 4


@dataclass
class Update:
    """One update: what it was given, what came of it, what it told."""

    policy: PolicyRef
    out_dir: Path
    base: str
    metrics: list[dict[str, float]] = field(default_factory=list)


@dataclass
class _Bench:
    """A student and examples to update it with."""

    subject: UpdaterSubject

    @cached_property
    def environment(self) -> ToyEnvironment:
        return ToyEnvironment(ToyOptions())

    @cached_property
    def writer(self) -> PromptRenderer:
        return PromptRenderer(self.environment.layout(), self.environment.horizon)

    @cached_property
    def examples(self) -> list[Example]:
        """Demonstrated steps of iteration 0, and the same as corrections of iteration 1."""
        tasks = self.environment.tasks("train")[: 2 * _TASKS]
        shown_ = self.environment.demonstrations(tasks, "search")
        rows = list(examples_from_demonstrations(shown_, self.writer, "toy"))
        half = {task.id for task in tasks[:_TASKS]}
        wrong = write_reply("It must be in box 1.", "open box 1")
        return [
            row
            if row.task_id in half
            else replace(row, source="correction", iteration=1, rejected=wrong)
            for row in rows
            if row.task_id in half or row.reply != wrong
        ]

    @cached_property
    def student(self) -> PolicyRef:
        require_local("checking an updater")
        folder = self.subject.folder / "student"
        build_tiny(folder, [e.prompt.text + e.reply for e in self.examples], _SMALL, seed=0)
        return PolicyRef(kind="transformers", model=str(folder))

    def seen(self) -> list[RolloutStep]:
        return [
            RolloutStep(example=e, state=f"In box 3. {CANARY}") for e in self.examples if e.rejected
        ]

    def update(self, name: str, examples: Sequence[Example] | None = None) -> Update:
        """Update the student in a new folder."""
        out, work = self.subject.folder / name, self.subject.folder / f"{name}-work"
        out.mkdir()
        work.mkdir()
        metrics: list[dict[str, float]] = []

        def log(values: Mapping[str, float]) -> None:
            metrics.append(dict(values))

        context = UpdateContext(
            out_dir=out,
            base=self.student,
            iteration=1,
            seed=0,
            log=log,
            work_dir=work,
            rollouts=self.seen,
        )
        before = digest(Path(self.student.model))
        given = self.examples if examples is None else examples
        policy = self.subject.build().update(self.student, given, context)
        shutil.rmtree(work, ignore_errors=True)
        return Update(policy, out, before, metrics)


def digest(folder: Path) -> str:
    """A hash of all files of a folder, by name and content."""
    whole = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        whole.update(str(path.relative_to(folder)).encode())
        whole.update(path.read_bytes())
    return whole.hexdigest()


def _bench(subject: UpdaterSubject) -> _Bench:
    if subject.bench is None:
        subject.bench = _Bench(subject)
    bench = subject.bench
    assert isinstance(bench, _Bench)
    return bench


def _first(subject: UpdaterSubject) -> Update:
    """The update that most checks look at."""
    if subject.update is None:
        subject.update = _bench(subject).update("first")
    assert isinstance(subject.update, Update)
    return subject.update


@check("updater", "updater-options")
def options(subject: UpdaterSubject) -> None:
    """Options are a pydantic model; unknown keys are refused."""
    check_options(subject)
    updater = subject.build()
    expect(isinstance(updater, Updater), "a leap_core.Updater", updater)
    expect(
        isinstance(updater.needs_corrections, bool), "`needs_corrections` True or False", updater
    )


@check("updater", "makes-a-policy")
def makes_a_policy(subject: UpdaterSubject) -> None:
    """An update returns a policy whose files are under `out_dir`, or the one that it was given."""
    made, student = _first(subject), _bench(subject).student
    expect(isinstance(made.policy, PolicyRef), "a leap_core.PolicyRef", made.policy)
    files = [f for f in (made.policy.model, made.policy.adapter) if f and f != student.model]
    for name in files:
        inside = Path(name).is_relative_to(made.out_dir) and Path(name).is_dir()
        expect(inside, "folders under `out_dir`", name)


@check("updater", "policy-replies")
def policy_replies(subject: UpdaterSubject) -> None:
    """The policy can be loaded and replies, also after its folder was moved."""
    from leap_core.local.engine import TransformersEngine

    made, bench = _first(subject), _bench(subject)
    moved = subject.folder / "moved"
    if not moved.exists():
        shutil.copytree(made.out_dir, moved)
    places = {
        key: str(moved / Path(value).relative_to(made.out_dir))
        for key, value in asdict(made.policy).items()
        if isinstance(value, str) and Path(value).is_relative_to(made.out_dir)
    }
    policy = replace(made.policy, **places)  # type: ignore[arg-type]
    example = bench.examples[0]
    task = bench.environment.tasks("train")[0]
    seen = bench.environment.open(task, 0).reset()
    engine = TransformersEngine(policy, GenerationConfig(temperature=0.0, max_new_tokens=4))
    try:
        replies = engine.reply(
            [
                Request(
                    episode="one",
                    prompt=example.prompt,
                    seed=0,
                    task=task,
                    history=(),
                    observation=seen,
                )
            ]
        )
    finally:
        engine.close()
    expect(len(replies) == 1 and isinstance(replies[0], str), "one reply", replies)


@check("updater", "leaves-the-student")
def leaves_the_student(subject: UpdaterSubject) -> None:
    """The policy that an update starts from is untouched."""
    made, student = _first(subject), _bench(subject).student
    expect(
        digest(Path(student.model)) == made.base,
        "the files of the policy that was given to be as before",
        "they were changed",
    )


@check("updater", "same-policy")
def same_policy(subject: UpdaterSubject) -> None:
    """The same policy, examples and seed make the same weights."""
    first = _first(subject)
    second = _bench(subject).update("second")
    one, other = _weights(first.out_dir), _weights(second.out_dir)
    expect(one == other, f"the same weights again: {shown(one)}", other)


def _weights(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        for path in sorted(folder.rglob("*.safetensors"))
    }


@check("updater", "metrics")
def metrics(subject: UpdaterSubject) -> None:
    """What is logged are finite numbers by name."""
    for values in _first(subject).metrics:
        for key, value in values.items():
            fits = isinstance(key, str) and isinstance(value, (int, float))
            expect(fits and math.isfinite(value), "finite numbers by name", {key: value})


@check("updater", "keeps-no-secrets")
def keeps_no_secrets(subject: UpdaterSubject) -> None:
    """The privileged state of the rollouts is nowhere in what an update saves."""
    made = _first(subject)
    for path in made.out_dir.rglob("*"):
        if path.is_file():
            hidden = CANARY.encode() not in path.read_bytes()
            expect(hidden, f"no privileged state in {path.name}", "a planted canary is in it")


@check("updater", "nothing-to-learn")
def nothing_to_learn(subject: UpdaterSubject) -> None:
    """An update without examples returns a policy, or raises a LeapError that says so."""
    expected = "a policy or a LeapError when there are no examples"
    try:
        made = _bench(subject).update("empty", [])
    except LeapError:
        return
    except Exception as error:
        raise Nonconformity(expected, f"{type(error).__name__}: {error}") from error
    expect(isinstance(made.policy, PolicyRef), expected, made.policy)
