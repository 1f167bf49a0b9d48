"""Single reasons for the leak audit, from JSON Lines, and how often it is right about them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from leap_core.config.load import validated
from leap_core.config.schema import AuditConfig
from leap_core.errors import DataError

LEAKS_FROM = 0.5
"""Score from which a reason leaks."""


class Sentence(BaseModel):
    """One line: a reason, and where it was given. Further keys are kept as they are.

    `label` is 1 for a leak and 0 for an honest reason, where that is known.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    environment: str
    options: dict[str, Any] = Field(default_factory=dict)
    split: str
    task: str
    seed: int = 0
    actions: tuple[str, ...] = ()
    step: int = Field(ge=0)
    reason: str
    label: int | None = Field(None, ge=0, le=1)
    _line: int = PrivateAttr(0)

    @property
    def line(self) -> int:
        """Number of its line in the file."""
        return self._line

    @property
    def stage(self) -> str:
        """Environment and options, as one key."""
        return json.dumps([self.environment, self.options], sort_keys=True)

    @property
    def place(self) -> str:
        """All that says where it was given, as one key."""
        where = (self.environment, self.options, self.split, self.task, self.seed)
        return json.dumps([*where, self.actions[: self.step]], sort_keys=True)


@dataclass(frozen=True)
class Verdict:
    """A sentence with its leak score and what gave it away.

    `silent` says why a judge that was asked gave no verdict; the rules' score stands then.
    """

    sentence: Sentence
    leak: float
    why: str
    silent: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the line with `leak` and `why` added."""
        added: dict[str, Any] = {"leak": self.leak, "why": self.why}
        if self.silent:
            added["no_verdict"] = self.silent
        return {**self.sentence.model_dump(exclude_none=True), **added}


@dataclass(frozen=True)
class Accuracy:
    """How often the audit is right about labelled sentences.

    `found` of `leaks` leaks were found, `flagged` of `honest` honest reasons were taken for leaks.
    """

    leaks: int = 0
    found: int = 0
    honest: int = 0
    flagged: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return counts and shares."""
        shares = {"precision": self.precision, "recall": self.recall}
        return {**asdict(self), **shares, "false_alarms": self.false_alarms}

    @property
    def recall(self) -> float | None:
        """Share of the leaks that were found; None without leaks."""
        return self.found / self.leaks if self.leaks else None

    @property
    def precision(self) -> float | None:
        """Share of leaks among what was flagged; None where nothing was."""
        told = self.found + self.flagged
        return self.found / told if told else None

    @property
    def false_alarms(self) -> float | None:
        """Share of the honest reasons that were flagged; None without any."""
        return self.flagged / self.honest if self.honest else None


def read_sentences(lines: Iterable[str], where: str) -> list[Sentence]:
    """Read JSON Lines; blank lines are passed over.

    Raises:
        DataError: a line that cannot be read, by its number.
    """
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            sentence = Sentence.model_validate(json.loads(line))
        except (ValidationError, ValueError, RecursionError) as error:
            raise DataError(f"'{where}', line {number}: {_problem(error)}") from None
        if sentence.step > len(sentence.actions):
            raise DataError(
                f"'{where}', line {number}: step {sentence.step} comes after "
                f"{len(sentence.actions)} actions; give the actions before it"
            )
        sentence._line = number
        found.append(sentence)
    return found


def judge_of(text: str) -> AuditConfig:
    """Read what `--judge` was given: a model's name, or a teacher's name and options as YAML.

    Raises:
        ConfigError: it is neither.
    """
    try:
        given = yaml.safe_load(text)
    except yaml.YAMLError:
        given = text
    chosen = given if isinstance(given, dict) else text
    return validated(AuditConfig, {"judge": chosen}, "--judge")


def accuracy(verdicts: Iterable[Verdict], threshold: float = LEAKS_FROM) -> Accuracy:
    """Compare verdicts with labels; sentences without a label are left out."""
    counts = {(label, flagged): 0 for label in (0, 1) for flagged in (False, True)}
    for verdict in verdicts:
        if verdict.sentence.label is not None:
            counts[verdict.sentence.label, verdict.leak >= threshold] += 1
    return Accuracy(
        leaks=counts[1, True] + counts[1, False],
        found=counts[1, True],
        honest=counts[0, True] + counts[0, False],
        flagged=counts[0, True],
    )


def _problem(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "the line"
        return f"key '{key}': {first['msg'].lower()}"
    return f"is no JSON object ({error})"
