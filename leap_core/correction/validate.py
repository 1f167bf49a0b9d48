"""From proposals to corrections: what can be trained on, and why the rest can not.

Invariants 2 and 3 of the design live here: a correction's action is executable at its step, and
a step that the teacher left alone is no correction.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from leap_core.types import Correction, Observation, Proposal, Rejection, Step, Trajectory

_QUOTES = ("'", '"', "`")
_LONGEST_NEAR_MISS = 2000
"""Characters; keeps the matching of templates cheap whatever a model writes."""


@dataclass(frozen=True, slots=True)
class Validated:
    """What came of one reply.

    Attributes:
        corrections: by step.
        rejections: proposals that cannot be trained on, and why.
        unchanged: how many steps the teacher left as they were.
        confirmed: those of them that it repeated word for word and that can be executed.
    """

    corrections: tuple[Correction, ...]
    rejections: tuple[Rejection, ...]
    unchanged: int
    confirmed: tuple[int, ...] = ()


def validate(
    trajectory: Trajectory,
    proposals: Sequence[Proposal],
    *,
    teacher: str,
    level: int,
    steps: Sequence[int] | None = None,
) -> Validated:
    """Sort proposals into corrections (by step), rejections with reasons, and steps left alone.

    `steps` are the steps that were asked about; None means all.
    """
    corrections: dict[int, Correction] = {}
    rejections: list[Rejection] = []
    unchanged, confirmed = 0, set[int]()
    for proposal in proposals:
        try:
            _check_step(trajectory, proposal, steps)
            student = trajectory.steps[proposal.step]
            action = _action(student, proposal)
            if action is None:
                unchanged += 1
                if _repeats(student, proposal) and student.observation.accepts(student.action):
                    confirmed.add(proposal.step)
                continue
            if proposal.step in corrections:
                raise _Unusable("this step was already corrected")
        except _Unusable as error:
            rejections.append(reject(trajectory, proposal, str(error)))
            continue
        corrections[proposal.step] = Correction(
            task_id=trajectory.task.id,
            seed=trajectory.seed,
            step=proposal.step,
            student_reason=student.reason,
            student_action=student.action,
            reason=proposal.reason.strip(),
            action=action,
            teacher=teacher,
            level=level,
            snapped=action != proposal.action,
        )
    in_order = tuple(corrections[step] for step in sorted(corrections))
    return Validated(in_order, tuple(rejections), unchanged, tuple(sorted(confirmed)))


def reject(trajectory: Trajectory, proposal: Proposal | Correction, why: str) -> Rejection:
    """Return the rejection of a proposal, or of a correction made from one."""
    return Rejection(
        task_id=trajectory.task.id,
        seed=trajectory.seed,
        step=proposal.step,
        reason=proposal.reason,
        action=proposal.action,
        why=why,
    )


class _Unusable(Exception):
    """Why a proposal cannot be trained on."""


def _check_step(trajectory: Trajectory, proposal: Proposal, steps: Sequence[int] | None) -> None:
    if not 0 <= proposal.step < len(trajectory.steps):
        raise _Unusable(f"there is no such step (the trajectory has {len(trajectory.steps)})")
    if steps is not None and proposal.step not in steps:
        raise _Unusable("this step was not asked about")


def _action(student: Step, proposal: Proposal) -> str | None:
    """Return the executable action that is proposed, or None if the step is left as it was."""
    if proposal.changed is False or _repeats(student, proposal):
        return None
    if not proposal.action.strip():
        raise _Unusable("no action is given")
    if not proposal.reason.strip():
        raise _Unusable("no reason is given")
    action = snap(student.observation, proposal.action)
    if action is None:
        raise _Unusable("the action cannot be executed at this step")
    return None if _repeats(student, replace(proposal, action=action)) else action


def _repeats(student: Step, proposal: Proposal) -> bool:
    same_reason = " ".join(proposal.reason.split()) == " ".join(student.reason.split())
    return same_reason and proposal.action == student.action


def snap(observation: Observation, action: str) -> str | None:
    """Return the executable action that `action` means here, or None if it means none.

    An executable action is returned untouched. Otherwise case, spaces, surrounding quotes and a
    trailing period are forgiven where exactly one candidate, or one template's fixed part, fits;
    the free part of a template is never altered.
    """
    if observation.accepts(action):
        return action
    if observation.open_ended:
        return None
    wanted = _loose(action)
    fits = {c for c in observation.candidates if _loose(c) == wanted}
    if len(fits) == 1:
        return fits.pop()
    filled = {f for t in observation.templates if (f := _fill(t, action)) is not None}
    return filled.pop() if not fits and len(filled) == 1 else None


def _loose(action: str) -> str:
    return re.sub(r"\s+", " ", _bare(action)).casefold()


def _bare(action: str) -> str:
    """Strip spaces, one pair of surrounding quotes, and trailing periods."""
    bare = action.strip().rstrip(".").rstrip()
    if len(bare) >= 2 and bare[0] == bare[-1] and bare[0] in _QUOTES:
        bare = bare[1:-1].strip().rstrip(".").rstrip()
    return bare


def _fill(template: str, action: str) -> str | None:
    """Fill a template with the free parts found in a near miss of it."""
    bare = _bare(action)
    if len(bare) > _LONGEST_NEAR_MISS:
        return None
    fixed = re.split(r"<[^<>]+>", template)
    pattern = "(.+)".join(_forgiving(part) for part in fixed)
    found = re.fullmatch(pattern, bare, re.DOTALL | re.IGNORECASE)
    if found is None or not all(value.strip() for value in found.groups()):
        return None
    parts = [fixed[0]]
    for value, after in zip(found.groups(), fixed[1:], strict=True):
        parts += [value, after]
    return "".join(parts)


def _forgiving(part: str) -> str:
    """Return a pattern for a fixed part whose words and signs may stand apart differently."""
    pieces = re.findall(r"\w+|[^\w\s]|\s+", part)
    return "".join(
        r"\s+" if piece.isspace() else re.escape(piece) + (r"\s*" if i + 1 < len(pieces) else "")
        for i, piece in enumerate(pieces)
    )
