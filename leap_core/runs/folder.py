"""The run folder: where everything of a run is, and which stages are done."""

from __future__ import annotations

import fcntl
import hashlib
import json
import platform
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
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
from leap_core.runs import files
from leap_core.runs.iteration import IterationFolder
from leap_core.runs.ledger import Call, read_calls
from leap_core.runs.records import read_json, write_aside, write_json
from leap_core.runs.stage import Stage

FORMAT = 2
"""Version of what is on disk; raised when a run that was begun before cannot be gone on with."""


class RunFolder:
    """A run on disk. Written by one process at a time (`locked`); any number may read.

    In a run in several environments each has such a folder for what is its own, inside that of
    the whole run, `home`, which holds what they share: policies, the ledger, the cache.
    """

    def __init__(self, path: Path, read_only: bool = False) -> None:
        self.path = path
        self.read_only = read_only
        outer = path.parent.parent
        inside = path.parent.name == files.ENVIRONMENTS and (outer / files.CONFIG).exists()
        self.home = outer if inside else path

    @classmethod
    def prepare(
        cls,
        path: Path,
        config: RunConfig,
        identity: Callable[[RunConfig], dict[str, Any]] = run_identity,
    ) -> RunFolder:
        """Create the folder, or open it to go on with the same configuration.

        What `identity` leaves out of a configuration may differ from last time.

        Raises:
            RunFolderError: the name is in use with another configuration, or is no run folder.
        """
        folder = cls(path)
        resolved = to_yaml(config)
        if folder.config_path.exists():
            folder._check_format()
            present = folder.config()
            before, now = identity(present), identity(config)
            if before != now:
                changed = ", ".join(_differences(before, now))
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
    def prepare_several(
        cls,
        path: Path,
        config: MultiEnvironmentConfig,
        identity: Callable[[RunConfig], dict[str, Any]] = run_identity,
    ) -> tuple[RunFolder, dict[str, RunFolder]]:
        """Prepare the folder of a run in several environments, and one in it for each of them.

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
        folders = {
            n: cls.prepare(home.environment(n), run, identity) for n, run in config.runs.items()
        }
        write_aside(home.config_path, config.to_yaml().encode())
        return home, folders

    def _check_format(self) -> None:
        written = self.manifest.get("format", 1) if self.manifest else FORMAT
        if written != FORMAT:
            raise RunFolderError(
                f"the run '{self.path}' was written in format {written}, and this leap-core goes "
                f"on with format {FORMAT} only: finish it with the version that began it "
                f"({files.MANIFEST} says which), or begin a new run from its policy "
                "(leap export) with --name"
            )

    def _create(self, config: str) -> None:
        path = self.path
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise RunFolderError(
                f"'{path}' exists and is no run folder (no {files.CONFIG} in it); "
                "choose another name"
            )
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunFolderError(f"cannot create '{path}': {error.strerror}") from error
        write_aside(self.config_path, config.encode())

    @property
    def name(self) -> str:
        """Name of the run."""
        return self.path.resolve().name

    @property
    def config_path(self) -> Path:
        return self.path / files.CONFIG

    @property
    def ledger_path(self) -> Path:
        """Every model call of the run, those of all its environments together."""
        return self.home / files.LEDGER

    @property
    def ledger(self) -> list[Call]:
        """All model calls so far."""
        return list(read_calls(self.ledger_path)) if self.ledger_path.exists() else []

    @property
    def cache(self) -> Path:
        """Folder of paid answers, shared by all runs beside each other."""
        return self.home.parent / files.CACHE

    @property
    def report_path(self) -> Path:
        return self.path / files.REPORT

    def environment(self, label: str) -> Path:
        """Return the folder of one environment of a run in several."""
        return self.path / files.ENVIRONMENTS / label

    def environments(self) -> list[str]:
        """Return the labels of the environments of a run in several; empty for a run in one."""
        given = self._given().get("environments")
        return list(given) if isinstance(given, dict) else []

    def config(self) -> RunConfig:
        """Return the configuration that the run was started with.

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
        """Return the configuration as it stands in the folder."""
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
        file: IO[str] = (self.path / files.LOCK).open("a")
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

    def iteration(self, number: int) -> IterationFolder:
        """Return one iteration's records, policy and scores; it need not have begun."""
        path = self.path / files.ITERATIONS / f"{number:02d}"
        return IterationFolder(path, self.home, self.read_only)

    def iterations(self) -> list[IterationFolder]:
        """Return the iterations that have been begun, in order."""
        parent = self.path / files.ITERATIONS
        names = (p.name for p in parent.iterdir()) if parent.is_dir() else ()
        return [self.iteration(number) for number in sorted(int(n) for n in names if n.isdigit())]

    @property
    def best(self) -> int | None:
        """Iteration of the best policy; None while the run goes on."""
        path = self.path / files.RESULT
        return int(read_json(path)["best"]) if path.exists() else None

    def save_result(self, best: int, iterations: int) -> None:
        """Mark the run as finished."""
        write_json(self.path / files.RESULT, {"best": best, "iterations": iterations})

    def log(self, event: str, **details: Any) -> None:
        """Append to the events."""
        line = json.dumps({"time": round(time.time(), 3), "event": event, **details})
        with (self.path / files.EVENTS).open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def stage(self, iteration: int, name: str, inputs: Any) -> Stage:
        """Return one stage of an iteration; `inputs` is what its records are made from."""
        return Stage(self.iteration(iteration).path, name, fingerprint(inputs), self.log)

    @property
    def manifest(self) -> dict[str, Any]:
        """Versions, seeds, fingerprints; empty before the run has begun."""
        path = self.path / files.MANIFEST
        found: dict[str, Any] = read_json(path) if path.exists() else {}
        return found

    def write_manifest(self, details: Mapping[str, Any]) -> None:
        """Write versions, seeds, fingerprints: needed to tell whether two runs compare."""
        write_json(self.path / files.MANIFEST, {"format": FORMAT, **versions(), **details})


def open_run(path: str | Path) -> RunFolder:
    """Open a run folder for reading.

    `open_run("runs/demo").iteration(2).corrections` iterates over the corrections of iteration 2;
    likewise `.rollouts`, `.examples`, `.policy`, `.evaluation()`, and of the run `.config()`,
    `.iterations()`, `.ledger`, `.best`.

    Raises:
        RunFolderError: there is no run folder.
    """
    folder = RunFolder(Path(path), read_only=True)
    folder.environments()
    return folder


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
