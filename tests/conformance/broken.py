"""Parts with one defect each, such as plugins have had; each names the rule that it breaks."""

from __future__ import annotations

import os
import random
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel

from leap_core import (
    Episode,
    Layout,
    Observation,
    PolicyRef,
    PrivilegedState,
    Proposal,
    Section,
    Step,
    Task,
    Teacher,
    TeacherReply,
    Trajectory,
    Transition,
    Updater,
    Usage,
)
from leap_core.testing.toy import ToyEnvironment, ToyEpisode, ToyExpert, ToyOptions, ToySource

HELD: list[Any] = []
CALLS = iter(range(10**9))


class Loose(BaseModel):
    """Options that ignore what they do not know."""

    boxes: int = 5
    failing: tuple[str, ...] = ()


# Environments, by the rule that they break.


class IgnoresOptions(ToyEnvironment):
    Options = Loose  # type: ignore[assignment]


class EmptySplit(ToyEnvironment):
    def splits(self) -> Sequence[str]:
        return ["train", "extra"]

    def tasks(self, split: str) -> Sequence[Task]:
        return [] if split == "extra" else super().tasks(split)


class SameIdTwice(ToyEnvironment):
    def tasks(self, split: str) -> Sequence[Task]:
        return [replace(task, id=f"{split}/1") for task in super().tasks(split)]


class OrderByHash(ToyEnvironment):
    def tasks(self, split: str) -> Sequence[Task]:
        return sorted(super().tasks(split), key=lambda task: hash(task.id))


class FingerprintOfNow(ToyEnvironment):
    def fingerprint(self) -> dict[str, object]:
        return {"engine": "toy", "built": next(CALLS)}


class HoldsALambda(ToyEnvironment):
    def __init__(self, options: ToyOptions) -> None:
        super().__init__(options)
        self.rule = lambda action: action


class _Wrapped(ToyEnvironment):
    """The toy environment with episodes of another class."""

    episode: ClassVar[type[ToyEpisode]]

    def open(self, task: Task, seed: int) -> ToyEpisode:
        opened = self.episode.__new__(self.episode)
        opened.__init__(self.options, task)  # type: ignore[misc]
        return opened


class LeavesFiles(_Wrapped):
    class episode(ToyEpisode):
        def reset(self) -> Observation:
            HELD.append(tempfile.NamedTemporaryFile())  # noqa: SIM115
            return super().reset()


class LeavesProcesses(_Wrapped):
    class episode(ToyEpisode):
        def reset(self) -> Observation:
            quiet = subprocess.DEVNULL
            HELD.append(subprocess.Popen(["sleep", "8"], stdin=quiet, stdout=quiet, stderr=quiet))
            return super().reset()


class CandidatesAsList(_Wrapped):
    class episode(ToyEpisode):
        def _observe(self, text: str) -> Observation:
            seen = super()._observe(text)
            return replace(seen, candidates=list(seen.candidates))  # type: ignore[arg-type]


class _Answering(ToyEpisode):
    def change(self, transition: Transition) -> Transition:
        return transition

    def step(self, action: str) -> Transition:
        return self.change(super().step(action))


class RewardNaN(_Wrapped):
    class episode(_Answering):
        def change(self, transition: Transition) -> Transition:
            return replace(transition, reward=float("nan"))


class InfoNotJSON(_Wrapped):
    class episode(_Answering):
        def change(self, transition: Transition) -> Transition:
            return replace(transition, info={**transition.info, "room": object()})


class ChanceOfItsOwn(_Wrapped):
    class episode(ToyEpisode):
        def _observe(self, text: str) -> Observation:
            return super()._observe(f"{text} It is {random.random()} o'clock.")


class ResetForgetsNothing(_Wrapped):
    class episode(ToyEpisode):
        def reset(self) -> Observation:
            opened = getattr(self, "opened", set())
            seen = super().reset()
            self.opened = opened
            return replace(seen, candidates=self._observe("").candidates)


class StateInTheEnvironment(ToyEnvironment):
    """All episodes share the boxes that were opened since one was last reset."""

    def open(self, task: Task, seed: int) -> ToyEpisode:
        shared = self.__dict__.setdefault("shared", set())

        class Sharing(ToyEpisode):
            def reset(self) -> Observation:
                super().reset()
                shared.clear()
                self.opened = shared
                return self._observe(f"There are boxes 1 to {self.boxes}.")

        return Sharing(self.options.boxes, int(task.data["coin"]), False)


class CandidatesNotUnderstood(_Wrapped):
    class episode(ToyEpisode):
        def _observe(self, text: str) -> Observation:
            seen = super()._observe(text)
            return replace(seen, candidates=tuple(c.upper() for c in seen.candidates))


class CandidatesTwice(_Wrapped):
    class episode(ToyEpisode):
        def _observe(self, text: str) -> Observation:
            seen = super()._observe(text)
            return replace(seen, candidates=seen.candidates * 2)


class RaisesForNonsense(_Wrapped):
    class episode(ToyEpisode):
        def step(self, action: str) -> Transition:
            _verb, *_ = action.split()
            return super().step(action)


class NonsenseWins(_Wrapped):
    class episode(ToyEpisode):
        def step(self, action: str) -> Transition:
            if len(action) > 1000:
                return Transition(
                    observation=Observation(text="?"), reward=1.0, terminated=True, success=True
                )
            return super().step(action)


class GoesOnAfterTheEnd(_Wrapped):
    class episode(ToyEpisode):
        def step(self, action: str) -> Transition:
            self.over = False
            return super().step(action)


class EndSaysNothing(_Wrapped):
    class episode(_Answering):
        def change(self, transition: Transition) -> Transition:
            return replace(transition, success=None)


class BreaksLate(_Wrapped):
    class episode(ToyEpisode):
        def reset(self) -> Observation:
            self.steps = 0
            return super().reset()

        def step(self, action: str) -> Transition:
            self.steps += 1
            if self.steps == 4 and self.coin not in self.opened:
                raise ValueError("no more boxes")
            return super().step(action)


class ClosesOnce(_Wrapped):
    class episode(ToyEpisode):
        def close(self) -> None:
            del self.boxes


class SkipsDemonstrations(ToyEnvironment):
    def demonstrations(self, tasks: Sequence[Task], kind: str) -> Iterator[Trajectory]:
        return super().demonstrations(tasks[1:], kind)


class DemonstratesWhatIsNot(ToyEnvironment):
    def demonstrations(self, tasks: Sequence[Task], kind: str) -> Iterator[Trajectory]:
        for shown in super().demonstrations(tasks, kind):
            yield replace(shown, steps=(*shown.steps[:-1], replace(shown.steps[-1], action="look")))


class TrunkThatChanges(ToyEnvironment):
    def layout(self) -> Layout:
        return replace(super().layout(), opening="{{ [1, 2, 3, 4, 5, 6, 7, 8, 9] | random }} "
                       "{{ goal }} {{ observation }}\n")  # fmt: skip


class TrunkWithoutObservations(ToyEnvironment):
    def layout(self) -> Layout:
        return replace(super().layout(), turn="> {{ action }}\n")


class ShowsTaskData(ToyEnvironment):
    def open(self, task: Task, seed: int) -> Episode:  # type: ignore[override]
        class Telling(ToyEpisode):
            def _observe(self, text: str) -> Observation:
                return super()._observe(f"{text} {dict(task.data)}")

        return Telling(self.options.boxes, int(task.data["coin"]), False)


class PolicyThatPeeks(ToyEnvironment):
    def scripted_policies(self) -> Sequence[str]:
        return ("peek",)

    def scripted_policy(self, name: str) -> Any:
        return _Peek() if name == "peek" else None


class _Peek:
    def act(self, task: Task, history: Sequence[Step], seen: Observation) -> tuple[str, str]:
        if "take coin" in seen.candidates:
            return "", "take coin"
        return "", f"open box {task.data.get('coin', 1)}"


ENVIRONMENTS: dict[type[ToyEnvironment], str] = {
    IgnoresOptions: "environment-options",
    EmptySplit: "splits",
    SameIdTwice: "tasks",
    OrderByHash: "stable-tasks",
    FingerprintOfNow: "fingerprint",
    HoldsALambda: "other-process",
    LeavesFiles: "leaves-nothing",
    LeavesProcesses: "leaves-nothing",
    CandidatesAsList: "observations",
    RewardNaN: "rewards",
    InfoNotJSON: "serialises",
    ChanceOfItsOwn: "same-episode",
    ResetForgetsNothing: "reset-starts-over",
    StateInTheEnvironment: "side-by-side",
    CandidatesNotUnderstood: "candidates",
    CandidatesTwice: "candidates",
    RaisesForNonsense: "foreign-actions",
    NonsenseWins: "foreign-actions",
    GoesOnAfterTheEnd: "after-the-end",
    EndSaysNothing: "after-the-end",
    BreaksLate: "horizon",
    ClosesOnce: "close",
    SkipsDemonstrations: "demonstrations",
    DemonstratesWhatIsNot: "gold-wins",
    TrunkThatChanges: "trunk",
    TrunkWithoutObservations: "trunk",
    ShowsTaskData: "task-data-hidden",
    PolicyThatPeeks: "scripted-policies",
}

# Privileged sources.


class _Changed(ToySource):
    def states(self, trajectory: Trajectory) -> Sequence[PrivilegedState]:
        return [self.change(s, trajectory) for s in super().states(trajectory)]

    def change(self, state: PrivilegedState, trajectory: Trajectory) -> PrivilegedState:
        return state


class SourceOptionsIgnored(ToySource):
    class Options(BaseModel):  # type: ignore[assignment]
        canary: str = ""


class OneStateTooMany(ToySource):
    def states(self, trajectory: Trajectory) -> Sequence[PrivilegedState]:
        return [*super().states(trajectory), PrivilegedState(text="The end.")]


class StatesOfNow(_Changed):
    def change(self, state: PrivilegedState, trajectory: Trajectory) -> PrivilegedState:
        return replace(state, text=f"{state.text} {next(CALLS)}")


class FactsNotJSON(_Changed):
    def change(self, state: PrivilegedState, trajectory: Trajectory) -> PrivilegedState:
        return replace(state, facts={**state.facts, "boxes": {1, 2}})


class NoSecrets(_Changed):
    def change(self, state: PrivilegedState, trajectory: Trajectory) -> PrivilegedState:
        return replace(state, secrets=())


class SecretsInSight(_Changed):
    def change(self, state: PrivilegedState, trajectory: Trajectory) -> PrivilegedState:
        return replace(state, secrets=("take the coin",))


class NothingHidden(_Changed):
    def change(self, state: PrivilegedState, trajectory: Trajectory) -> PrivilegedState:
        return replace(state, text="There are boxes")


class HoldsALock(ToySource):
    def __init__(self, options: Any, environment: Any) -> None:
        super().__init__(options, environment)
        self.lock = threading.Lock()


SOURCES: dict[type[ToySource], str] = {
    SourceOptionsIgnored: "source-options",
    OneStateTooMany: "a-state-per-step",
    StatesOfNow: "same-states",
    HoldsALock: "in-workers",
    FactsNotJSON: "states-serialise",
    NoSecrets: "says-what-is-hidden",
    SecretsInSight: "says-what-is-hidden",
    NothingHidden: "hidden-from-the-student",
}

# Experts of environments.


class _Expert(ToyExpert):
    def correct(
        self, trajectory: Trajectory, states: Sequence[PrivilegedState], level: int
    ) -> list[Proposal]:
        proposals = super().correct(trajectory, states, level)
        return [self.change(p, states[p.step]) for p in proposals]

    def change(self, proposal: Proposal, state: PrivilegedState) -> Proposal:
        return proposal


class ProposesTheImpossible(ToyEnvironment):
    def expert(self) -> ToyExpert:
        class Expert(_Expert):
            def change(self, proposal: Proposal, state: PrivilegedState) -> Proposal:
                return replace(proposal, action="take coin from box")

        return Expert()


class TellsTheState(ToyEnvironment):
    def expert(self) -> ToyExpert:
        class Expert(_Expert):
            def change(self, proposal: Proposal, state: PrivilegedState) -> Proposal:
                return replace(proposal, reason=state.text)

        return Expert()


class TellsInItsOwnWords(ToyEnvironment):
    def expert(self) -> ToyExpert:
        class Expert(_Expert):
            def change(self, proposal: Proposal, state: PrivilegedState) -> Proposal:
                return replace(proposal, reason=f"I know: the coin is in box {state.facts['coin']}")

        return Expert()


EXPERTS: dict[type[ToyEnvironment], str] = {
    ProposesTheImpossible: "expert",
    TellsTheState: "expert-keeps-secrets",
    TellsInItsOwnWords: "expert-keeps-secrets",
}

# Teachers.


class Quiet(Teacher):
    """A teacher without a defect: it leaves every step alone."""

    class Options(Section):
        """None."""

    async def correct(self, trajectory: Any, states: Any, brief: Any) -> TeacherReply:
        return TeacherReply(proposals=())


class TeacherOptionsIgnored(Quiet):
    class Options(BaseModel):  # type: ignore[assignment]
        pass


class CorrectsTwice(Quiet):
    async def correct(self, trajectory: Any, states: Any, brief: Any) -> TeacherReply:
        return TeacherReply(proposals=(Proposal(step=0, reason="Look.", action="look"),) * 2)


class CorrectsEverything(Quiet):
    async def correct(self, trajectory: Any, states: Any, brief: Any) -> TeacherReply:
        return TeacherReply(
            proposals=tuple(
                Proposal(step=t, reason="", action="look") for t in range(len(trajectory.steps))
            )
        )


class SaysWhatComesToMind(Quiet):
    async def correct(self, trajectory: Any, states: Any, brief: Any) -> TeacherReply:
        return TeacherReply(
            proposals=(Proposal(step=0, reason=f"Thought {next(CALLS)}.", action="look"),)
        )


class EstimatesNothing(Quiet):
    def estimate(self, trajectory: Any, states: Any, brief: Any) -> Usage:
        return None  # type: ignore[return-value]


class CannotDescribe(Quiet):
    async def describe(self, trajectory: Trajectory) -> PrivilegedState:
        raise NotImplementedError


class TeacherClosesOnce(Quiet):
    async def aclose(self) -> None:
        del self.options


TEACHERS: dict[type[Teacher], str] = {
    TeacherOptionsIgnored: "teacher-options",
    CorrectsTwice: "proposals",
    CorrectsEverything: "steps-asked-about",
    SaysWhatComesToMind: "many-at-once",
    EstimatesNothing: "estimate",
    CannotDescribe: "what-it-cannot-do",
    TeacherClosesOnce: "closes",
}

# Updaters.


class Same(Updater):
    """An updater without a defect: the policy stays as it is."""

    class Options(Section):
        """None."""

    def update(self, policy: PolicyRef, examples: Any, context: Any) -> PolicyRef:
        return policy


class UpdaterOptionsIgnored(Same):
    class Options(BaseModel):  # type: ignore[assignment]
        pass


class SavesElsewhere(Same):
    def update(self, policy: PolicyRef, examples: Any, context: Any) -> PolicyRef:
        return PolicyRef(kind="transformers", model=os.fspath(Path(policy.model).parent))


class SavesNoModel(Same):
    def update(self, policy: PolicyRef, examples: Any, context: Any) -> PolicyRef:
        return PolicyRef(kind="transformers", model=os.fspath(context.out_dir))


class ChangesTheStudent(Same):
    def update(self, policy: PolicyRef, examples: Any, context: Any) -> PolicyRef:
        (Path(policy.model) / "note.txt").write_text("trained")
        return policy


class WeightsOfNow(Same):
    def update(self, policy: PolicyRef, examples: Any, context: Any) -> PolicyRef:
        (context.out_dir / "model.safetensors").write_text(str(next(CALLS)))
        return policy


class LogsNaN(Same):
    def update(self, policy: PolicyRef, examples: Any, context: Any) -> PolicyRef:
        context.log({"loss": float("nan")})
        return policy


class SavesSecrets(Same):
    def update(self, policy: PolicyRef, examples: Any, context: Any) -> PolicyRef:
        (context.out_dir / "rollouts.txt").write_text(str(context.rollouts()))
        return policy


class DividesByNothing(Same):
    def update(self, policy: PolicyRef, examples: Any, context: Any) -> PolicyRef:
        context.log({"share": 1 / len(examples)})
        return policy


UPDATERS: dict[type[Updater], str] = {
    UpdaterOptionsIgnored: "updater-options",
    SavesElsewhere: "makes-a-policy",
    SavesNoModel: "policy-replies",
    ChangesTheStudent: "leaves-the-student",
    WeightsOfNow: "same-policy",
    LogsNaN: "metrics",
    SavesSecrets: "keeps-no-secrets",
    DividesByNothing: "nothing-to-learn",
}
