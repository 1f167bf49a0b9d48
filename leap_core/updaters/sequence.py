"""Several updaters one after another in one update, such as `updater: [sft, dpo]`."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pydantic import Field

from leap_core.config.schema import ComponentConfig, Section
from leap_core.contracts.updater import UpdateContext, Updater
from leap_core.errors import ConfigError
from leap_core.plugins.build import build
from leap_core.runs.policy_paths import map_paths
from leap_core.runs.records import read_json, write_json
from leap_core.types import Example, PolicyRef


class SequenceOptions(Section):
    """Options of `sequence`: the updaters, in order."""

    updaters: tuple[ComponentConfig, ...] = Field(min_length=1)


class SequenceUpdater(Updater):
    """Each updater goes on from the policy that the one before it made."""

    Options = SequenceOptions

    def __init__(self, options: SequenceOptions) -> None:
        super().__init__(options)
        self.components = [_build(number, one) for number, one in enumerate(options.updaters)]

    def check(self) -> None:
        for part in self.components:
            part.check()

    def update(
        self, policy: PolicyRef, examples: Sequence[Example], context: UpdateContext
    ) -> PolicyRef:
        """In iteration 0, where there is nothing but demonstrations, only those that can clone."""
        parts = list(enumerate(self.components))
        if context.iteration == 0:
            parts = [(n, part) for n, part in parts if not part.needs_corrections]
        for place, (number, part) in enumerate(parts):
            last = place + 1 == len(parts)
            policy = self._step(number, part, policy, examples, context, last)
        return policy

    def _step(
        self,
        number: int,
        part: Updater,
        policy: PolicyRef,
        examples: Sequence[Example],
        context: UpdateContext,
        last: bool,
    ) -> PolicyRef:
        """One updater; what an earlier one made is kept, in case the whole is interrupted."""
        name = self.options.updaters[number].name
        work = context.work_dir / f"{number}-{name}" if context.work_dir else None
        if last:
            made = part.update(policy, examples, replace(context, work_dir=work))
            return _kept(made, context, number)
        out = (context.work_dir or context.out_dir) / f"{number}-{name}-policy"
        done = out.with_name(out.name + ".json")
        if not done.exists():
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir(parents=True)
            inner = replace(context, out_dir=out, work_dir=work, log=_named(context, name))
            made = part.update(policy, examples, inner)
            write_json(done, asdict(made))
        return PolicyRef(**read_json(done))


def _kept(policy: PolicyRef, context: UpdateContext, number: int) -> PolicyRef:
    """The policy, with what it needs of earlier steps moved beside it."""

    def moved(path: str) -> str:
        if context.work_dir is None or not Path(path).is_relative_to(context.work_dir):
            return path
        target = context.out_dir / f"before-{len(list(context.out_dir.glob('before-*')))}"
        shutil.copytree(path, target)
        return str(target)

    return map_paths(policy, moved)


def _named(context: UpdateContext, name: str) -> Any:
    """Metrics of an earlier step carry its name, and leave the count of steps to the last."""

    def log(metrics: Mapping[str, float]) -> None:
        context.log({f"{name}_{key}": value for key, value in metrics.items()})

    return log


def _build(number: int, one: ComponentConfig) -> Updater:
    if one.name == "sequence":
        raise ConfigError("an updater of a sequence cannot be a sequence")
    updater: Updater = build("updater", one, f"updater number {number + 1}")
    return updater
