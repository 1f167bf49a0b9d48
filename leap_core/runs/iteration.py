"""One iteration of a run on disk: its records by name, its policy, its scores."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

from leap_core.errors import RunFolderError
from leap_core.evaluation import Evaluation
from leap_core.runs import files
from leap_core.runs.policy_paths import map_paths
from leap_core.runs.records import Records, read_json, write_json
from leap_core.types import (
    Correction,
    Example,
    Metrics,
    PolicyRef,
    Rejection,
    TeacherRecord,
    Trajectory,
)

T = TypeVar("T")
_EVALUATION = TypeAdapter(Evaluation)
VALIDATION = "validation"


class IterationFolder:
    """The folder of one iteration; `home` is the folder of the whole run.

    Records are iterated over, and read from the file each time. A record file that is not there
    (yet) is empty.
    """

    def __init__(self, path: Path, home: Path, read_only: bool = False) -> None:
        self.path = path
        self.home = home
        self.number = int(path.name)
        self.read_only = read_only

    @property
    def demonstrations(self) -> Records[Trajectory]:
        """Demonstrated trajectories (of iteration 0, or of each in a control run)."""
        return self._records(files.DEMONSTRATIONS, Trajectory)

    @property
    def rollouts(self) -> Records[Trajectory]:
        """Trajectories of the previous policy on training tasks."""
        return self._records(files.ROLLOUTS, Trajectory)

    @property
    def corrections(self) -> Records[Correction]:
        """Validated corrections of the failed rollouts."""
        return self._records(files.CORRECTIONS, Correction)

    @property
    def rejected(self) -> Records[Rejection]:
        """Proposals of the teacher that were not accepted, and why."""
        return self._records(files.REJECTED, Rejection)

    @property
    def teacher(self) -> Records[TeacherRecord]:
        """One record for each trajectory that the teacher was asked about."""
        return self._records(files.TEACHER, TeacherRecord)

    @property
    def examples(self) -> Records[Example]:
        """D_i: the training rows that this iteration adds."""
        return self._records(files.EXAMPLES, Example)

    @property
    def metrics(self) -> Records[Metrics]:
        """The update's figures, one record for each logging step."""
        return self._records(files.METRICS, Metrics)

    def episodes(self, name: str = VALIDATION) -> Records[Trajectory]:
        """Trajectories of an evaluation: "validation", or "test"."""
        return self._records(f"{name}.jsonl", Trajectory)

    def evaluation(self, name: str = VALIDATION) -> Evaluation | None:
        """Scores of the policy on a split; None before they are there."""
        path = self._evaluation_path(name)
        if not path.exists():
            return None
        result: Evaluation = _EVALUATION.validate_python(read_json(path))
        return result

    def save_evaluation(self, evaluation: Evaluation, name: str = VALIDATION) -> None:
        """Write the scores of the policy on a split."""
        self._writable()
        write_json(self._evaluation_path(name), _EVALUATION.dump_python(evaluation, mode="json"))

    @property
    def policy(self) -> PolicyRef:
        """The policy that the iteration ended with.

        Raises:
            RunFolderError: there is none (yet).
        """
        path = self.path / files.POLICY_REF
        if not path.exists():
            raise RunFolderError(
                f"iteration {self.number} of '{self.path.parent.parent}' has no policy yet"
            )
        return map_paths(PolicyRef(**read_json(path)), self._found)

    def save_policy(self, policy: PolicyRef) -> None:
        """Remember the policy; paths inside the run are written relative to its folder."""
        self._writable()
        record = asdict(map_paths(policy, self._relative))
        write_json(self.path / files.POLICY_REF, record)

    @property
    def policy_dir(self) -> Path:
        """Folder that the update writes the policy's weights to."""
        return self.path / files.POLICY

    @property
    def student_dir(self) -> Path:
        """Folder of a student made for this run (`student.model: tiny`)."""
        return self.path / files.STUDENT

    @property
    def work_dir(self) -> Path:
        """Folder for checkpoints of an update that is under way."""
        return self.path / files.CHECKPOINTS

    @property
    def reports_dir(self) -> Path:
        """Folder for files of the tools that an update reports to."""
        return self.path / files.REPORTS

    def _records(self, name: str, kind: type[T]) -> Records[T]:
        return Records(self.path / name, kind, read_only=self.read_only)

    def _evaluation_path(self, name: str) -> Path:
        return self.path / (files.EVALUATION if name == VALIDATION else f"{name}.json")

    def _run_dir(self) -> Path:
        return self.path.parent.parent

    def _relative(self, path: str) -> str:
        if not Path(path).resolve().is_relative_to(self.home.resolve()):
            return path
        return os.path.relpath(path, self._run_dir())

    def _found(self, path: str) -> str:
        inside = self._run_dir() / path
        return os.path.normpath(inside) if inside.exists() else path

    def _writable(self) -> None:
        if self.read_only:
            raise RunFolderError(f"'{self.path}' was opened for reading only")
