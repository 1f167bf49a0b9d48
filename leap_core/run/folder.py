"""The run folder: where everything of a run is, and which stages are done."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import IO, Any

import yaml

from leap_core.config.identity import run_identity
from leap_core.config.load import to_yaml, validated
from leap_core.config.multi_environment import MultiEnvironmentConfig
from leap_core.config.schema import RunConfig
from leap_core.errors import RunFolderError
from leap_core.run.records import read_json, write_aside, write_json
from leap_core.types import PolicyRef


class RunFolder:
    """A run's folder, opened for writing by one process at a time.

    `config` is the resolved configuration; a folder that holds another one is refused. In a run in
    several environments each has such a folder for what is its own, inside that of the whole run,
    `home`, which holds what they share: policies and the ledger.
    """

    def __init__(self, path: Path, home: Path | None = None) -> None:
        self.path = path
        self.home = home or path

    @classmethod
    def prepare(cls, path: Path, config: RunConfig, home: Path | None = None) -> RunFolder:
        """Create the folder, or open it to go on with the same configuration.

        The budget and the teacher's concurrency may differ from last time.

        Raises:
            RunFolderError: the name is in use with another configuration, or is no run folder.
        """
        folder = cls(path, home)
        resolved = to_yaml(config)
        if folder.config_path.exists():
            present = folder.config()
            if run_identity(present) != run_identity(config):
                changed = ", ".join(_differences(run_identity(present), run_identity(config)))
                raise RunFolderError(
                    f"the run '{path}' is already in use with another configuration "
                    f"(it differs in: {changed}); choose another name with --name"
                )
            if present != config:
                write_aside(folder.config_path, resolved.encode())
            return folder
        folder._create(resolved)
        return folder

    @classmethod
    def prepare_combined(
        cls, path: Path, config: MultiEnvironmentConfig
    ) -> tuple[RunFolder, dict[str, RunFolder]]:
        """The folder of a run in several environments, and one in it for each of them.

        Raises:
            RunFolderError: as `prepare`.
        """
        home = cls(path)
        if not home.config_path.exists():
            home._create(config.to_yaml())
        elif set(home.environments()) != set(config.runs):
            held = ", ".join(home.environments()) or "none"
            raise RunFolderError(
                f"the run '{path}' is already in use with other environments (it has: {held}); "
                "choose another name with --name"
            )
        places = {label: home.environment(label) for label in config.runs}
        parts = {n: cls.prepare(places[n], run, home=path) for n, run in config.runs.items()}
        write_aside(home.config_path, config.to_yaml().encode())
        return home, parts

    def _create(self, config: str) -> None:
        path = self.path
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise RunFolderError(
                f"'{path}' exists and is no run folder (no config.yaml in it); choose another name"
            )
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunFolderError(f"cannot create '{path}': {error.strerror}") from error
        write_aside(self.config_path, config.encode())

    @property
    def config_path(self) -> Path:
        return self.path / "config.yaml"

    @property
    def ledger_path(self) -> Path:
        return self.home / "ledger.jsonl"

    @property
    def cache_dir(self) -> Path:
        """Paid answers, shared by all runs beside each other."""
        return self.home.parent / ".cache"

    def environment(self, label: str) -> Path:
        """The folder of one environment of a run in several."""
        return self.path / "environments" / label

    def environments(self) -> list[str]:
        """Labels of the environments of a run in several; empty for a run in one."""
        given = self._given().get("environments")
        return list(given) if isinstance(given, dict) else []

    def config(self) -> RunConfig:
        """The configuration that the run was started with.

        Raises:
            RunFolderError: this is no run folder, or its config cannot be read.
        """
        data = self._given()
        if "environments" in data:
            several = ", ".join(str(self.environment(label)) for label in self.environments())
            raise RunFolderError(
                f"the run '{self.path}' is in several environments; name one of: {several}"
            )
        return validated(RunConfig, data, str(self.config_path))

    def _given(self) -> dict[str, Any]:
        """The configuration as it stands in the folder."""
        try:
            data = yaml.safe_load(self.config_path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            reason = getattr(error, "strerror", None) or " ".join(str(error).split())
            raise RunFolderError(f"'{self.path}' is not a readable run folder: {reason}") from error
        if not isinstance(data, dict):
            raise RunFolderError(f"'{self.config_path}' holds no configuration")
        return data

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder: a second `leap run` on it is refused."""
        file: IO[str] = (self.path / ".lock").open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            raise RunFolderError(
                f"the run '{self.path}' is being written by another process"
            ) from None
        try:
            yield
        finally:
            file.close()

    def iteration(self, number: int) -> Path:
        return self.path / "iterations" / f"{number:02d}"

    def iterations(self) -> list[int]:
        """Numbers of the iterations that have been begun."""
        parent = self.path / "iterations"
        names = (p.name for p in parent.iterdir()) if parent.is_dir() else ()
        return sorted(int(name) for name in names if name.isdigit())

    def log(self, event: str, **details: Any) -> None:
        """Append to events.jsonl."""
        line = json.dumps({"time": round(time.time(), 3), "event": event, **details})
        with (self.path / "events.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def stage(self, iteration: int, name: str, inputs: Any) -> Stage:
        return Stage(self, self.iteration(iteration), name, fingerprint(inputs))

    def save_policy(self, iteration: int, policy: PolicyRef) -> None:
        """Remember an iteration's policy; paths inside the run's home are kept relative to here."""
        paths = {"model": policy.model, "adapter": policy.adapter}
        inside = {key: self._relative(path) for key, path in paths.items()}
        record = {"kind": policy.kind, **inside, "base_url": policy.base_url}
        write_json(self.iteration(iteration) / "policy.json", record)

    def load_policy(self, iteration: int) -> PolicyRef:
        """The policy that an iteration ended with.

        Raises:
            RunFolderError: the iteration has none (yet).
        """
        path = self.iteration(iteration) / "policy.json"
        if not path.exists():
            raise RunFolderError(f"iteration {iteration} of '{self.path}' has no policy yet")
        record = read_json(path)
        for key in ("model", "adapter"):
            if record[key] and (self.path / record[key]).exists():
                record[key] = os.path.normpath(self.path / record[key])
        return PolicyRef(**record)

    def _relative(self, path: str | None) -> str | None:
        """`path` as seen from here where it lies inside the run's home, else as it is."""
        if path is None or not Path(path).resolve().is_relative_to(self.home.resolve()):
            return path
        return os.path.relpath(path, self.path)

    def write_manifest(self, details: Mapping[str, Any]) -> None:
        """Versions, seeds, fingerprints: what is needed to tell whether two runs compare."""
        write_json(self.path / "manifest.json", {**versions(), **details})


class Stage:
    """One stage of one iteration: done when its marker holds the hash of its inputs."""

    def __init__(self, run: RunFolder, folder: Path, name: str, inputs: str) -> None:
        self.run = run
        self.folder = folder
        self.name = name
        self.inputs = inputs
        self.marker = folder / f".{name}.done"

    @property
    def done(self) -> bool:
        if not self.marker.exists():
            return False
        if read_json(self.marker).get("inputs") == self.inputs:
            return True
        raise RunFolderError(
            f"stage '{self.name}' in '{self.folder}' was made from other inputs than it would be "
            "now (an earlier stage or a plugin has changed); start a new run with --name"
        )

    @contextmanager
    def working(self) -> Iterator[None]:
        """Run the stage; it is marked done only if nothing is raised."""
        resumed = self.folder.exists() and any(self.folder.glob(f"{self.name}*"))
        self.folder.mkdir(parents=True, exist_ok=True)
        place = {"iteration": int(self.folder.name), "stage": self.name}
        self.run.log("stage resumed" if resumed else "stage started", **place)
        began = time.monotonic()
        yield
        write_json(self.marker, {"inputs": self.inputs})
        self.run.log("stage finished", **place, seconds=round(time.monotonic() - began, 3))


@contextmanager
def made_aside(target: Path) -> Iterator[Path]:
    """A folder to fill; it becomes `target` only when nothing is raised."""
    aside = target.with_name(f".{target.name}.making")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    yield aside
    shutil.rmtree(target, ignore_errors=True)
    aside.replace(target)


def fingerprint(value: Any) -> str:
    """Hash of a JSON-like value."""
    text = json.dumps(value, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def versions() -> dict[str, Any]:
    """Versions of Python, LEAP's packages and the libraries that results depend on."""
    names = ["torch", "transformers", "trl", "peft", "litellm"]
    found = {}
    for dist in metadata.distributions():
        name = (dist.metadata["Name"] or "").lower()
        if name.startswith("leap-") or name in names:
            found[name] = dist.version
    return {"python": platform.python_version(), "packages": dict(sorted(found.items()))}


def _differences(a: Mapping[str, Any], b: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key in dict.fromkeys([*a, *b]):
        left, right = a.get(key), b.get(key)
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            yield from _differences(left, right, f"{prefix}{key}.")
        elif left != right:
            yield f"{prefix}{key}"
