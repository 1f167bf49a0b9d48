"""The configuration of a run: its model, loading, dotted overrides, and errors one can act on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo

from leap_core.errors import ConfigError


class Section(BaseModel):
    """Base of every options model: unknown keys are refused, values are not coerced silently."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Named(Section):
    """A plugin's part, chosen by name, with that part's own options."""

    name: str
    options: dict[str, Any] = Field(default_factory=dict)


def _sequence(value: Any) -> Any:
    """`[sft, {name: dpo, options: …}]` is short for the updater `sequence`."""
    if not isinstance(value, list):
        return value
    named = [{"name": one} if isinstance(one, str) else one for one in value]
    return {"name": "sequence", "options": {"updaters": named}}


UpdaterChoice = Annotated[Named, BeforeValidator(_sequence)]


class Generation(Section):
    """How the student decodes.

    The defaults are the paper's (App. D.1): temperature 0.3, at most 256 new tokens.
    Temperature 0 is greedy. `constrained`: the ACTION part is chosen among the candidates and
    templates of the observation, so that it can always be executed.

    `device`, `dtype` and `attention` concern a model in this process: "auto" is a GPU if there is
    one, and the weights as stored (float32 on a CPU); `attention` is one of transformers'
    implementations ("sdpa", "eager", …) instead of LEAP's own decoding. `drafts`: guess how a reply
    goes on from earlier ones, and have the model check the guess at once; replies stay the same.
    """

    temperature: float = Field(0.3, ge=0)
    top_p: float = Field(1.0, gt=0, le=1)
    max_new_tokens: int = Field(256, gt=0)
    constrained: bool = False
    device: Literal["auto", "cpu", "cuda"] = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    attention: str | None = None
    drafts: bool = True


class Student(Section):
    """The policy to train.

    `model` is "tiny" (a small Llama built from scratch), "tiny-base" (the small pre-trained one
    that LEAP ships), "scripted:NAME", a folder, or a hub id.
    """

    model: str
    adapter: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    generation: Generation = Generation()
    layout: dict[str, str] = Field(default_factory=dict)


class Splits(Section):
    """Which split serves which purpose, by the environment's own names."""

    train: str = "train"
    validation: str = "valid_seen"
    test: str | None = None


class Demonstrations(Section):
    """What behaviour cloning (iteration 0) starts from: `tasks` demonstrations of a kind.

    `kind` is one of the environment's; null takes its first. `replay` is how many of them join
    the corrections in later iterations; null is all, as the paper aggregates. `reasons: teacher`
    has the teacher write the reasons (the paper's autolabelling), from the demonstration alone.
    """

    tasks: int = Field(300, ge=0)
    kind: str | None = None
    reasons: Literal["own", "teacher"] = "own"
    replay: int | None = Field(None, ge=0)


class ExecutorChoice(Section):
    """Where episodes run.

    `local` runs them in this process, `processes` in `workers` processes of this machine (null: one
    per processor), `ray` in `workers` actors (null: as many as the cluster has room for) on the
    cluster at `address` (null: one that is started on this machine). `cpus` and `resources` are
    what an actor asks of its node. An environment that gives no answer for `timeout` seconds is
    taken for hung, which only workers can survive.
    """

    name: Literal["local", "processes", "ray"] = "local"
    workers: int | None = Field(None, gt=0)
    timeout: float = Field(600.0, gt=0)
    start_timeout: float = Field(120.0, gt=0)
    address: str | None = None
    cpus: float = Field(1.0, ge=0)
    resources: dict[str, float] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _options_are_used(self) -> ExecutorChoice:
        theirs = {"name"}
        if self.name != "local":
            theirs |= {"workers", "timeout", "start_timeout"}
        if self.name == "ray":
            theirs |= {"address", "cpus", "resources"}
        default = {n: f.get_default(call_default_factory=True) for n, f in _fields(self).items()}
        unused = [n for n in default if n not in theirs and getattr(self, n) != default[n]]
        if unused:
            raise ValueError(f"the executor '{self.name}' has no use for {', '.join(unused)}")
        return self


def _fields(section: BaseModel) -> dict[str, FieldInfo]:
    return type(section).model_fields


def _executor(value: Any) -> Any:
    """`processes` is short for `{name: processes}`."""
    return {"name": value} if isinstance(value, str) else value


class Rollouts(Section):
    """Rollouts on training tasks: `tasks` an iteration (null: all of the split).

    `in_flight` episodes are played at once. One whose environment raises, crashes or hangs is begun
    again up to `retries` times, then recorded as errored. `batches: fixed` plays whole blocks of
    `in_flight` tasks, and repeats a block that was cut off, so that a resumed run has the same
    batches as an unbroken one down to the last bit of every logit; `rolling` replaces each episode
    as it ends.
    """

    tasks: int | None = Field(None, gt=0)
    horizon: int | None = Field(None, gt=0)
    in_flight: int = Field(64, gt=0)
    retries: int = Field(2, ge=0)
    batches: Literal["rolling", "fixed"] = "rolling"
    executor: Annotated[ExecutorChoice, BeforeValidator(_executor)] = ExecutorChoice()


class Server(Section):
    """Model servers that generate the student's replies.

    `timeout` is what one reply may take, `patience` how long servers may be gone before the run
    stops, in seconds; `api_key_env` names the environment variable that holds their key.

    With `command` a server is started for each policy and stopped after its use, instead of a model
    in this process: "vllm", "sglang", "transformers", or a command line with {python}, {model},
    {name}, {port} and perhaps {base} and {adapter}, which then stand for an adapter that is not
    merged. `python` is the interpreter of the environment that the server is installed in.
    """

    timeout: float = Field(300.0, gt=0)
    patience: float = Field(300.0, ge=0)
    api_key_env: str | None = None
    command: str | None = None
    python: str = "python"
    port: int | None = Field(None, gt=0, lt=65536)
    ready_timeout: float = Field(600.0, gt=0)


class TeacherChoice(Named):
    """The teacher and how freely it may use the privileged state (levels 1..5).

    `repeats`: a student that goes round in circles gets the same correction again and again; this
    many of each, word for word, are learned from in one trajectory (null: all, as in the paper).
    `confirmed`: steps of a failed trajectory that the teacher repeats as they were are learned too,
    so that a student does not hear of its mistakes alone (as in the paper, where every step is).
    """

    level: int = Field(3, ge=1, le=5)
    concurrency: int = Field(8, gt=0)
    leaks: Literal["keep", "drop", "reask"] = "drop"
    repeats: int | None = Field(None, gt=0)
    confirmed: bool = False


class Budget(Section):
    """What a run may spend on model calls; null is no limit."""

    dollars: float | None = Field(None, ge=0)
    tokens: int | None = Field(None, ge=0)


class Evaluation(Section):
    """How many tasks of each split are played to score a policy (null: all of the split)."""

    tasks: int | None = Field(None, gt=0)
    test_tasks: int | None = Field(None, gt=0)
    generation: Generation | None = None


class RunConfig(Section):
    """A whole run of Algorithm 1.

    `learn_from: demonstrations` is the control: every iteration learns from demonstrations of the
    tasks that it would have rolled out; no rollouts, no teacher.
    """

    name: str = Field("run", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    seed: int = 0
    iterations: int = Field(3, ge=0)
    learn_from: Literal["corrections", "demonstrations"] = "corrections"
    environment: Named
    splits: Splits = Splits()
    student: Student
    demonstrations: Demonstrations = Demonstrations()
    rollouts: Rollouts = Rollouts()
    server: Server = Server()
    privileged: Named | None = None
    teacher: TeacherChoice | None = None
    updater: UpdaterChoice
    first_updater: UpdaterChoice | None = None
    evaluation: Evaluation = Evaluation()
    budget: Budget = Budget()

    def seed_of(self, iteration: int) -> int:
        """The seed of an iteration: of its tasks, rollouts, teacher calls and update."""
        return self.seed * 1000 + iteration


# Options of updaters that change memory and speed, never what is learned.
_HOW = {
    "token_budget",
    "micro_batch_size",
    "launch",
    "checkpoint_steps",
    "logging_steps",
    "report_to",
}


def substance(config: RunConfig) -> dict[str, Any]:
    """All of a configuration that its records depend on: not what it may spend, nor how fast."""
    speed = {"retries", "executor"}
    if config.rollouts.batches == "rolling":
        speed.add("in_flight")
    patience = set(Server.model_fields) - {"command"}
    free = {
        "budget": True, "teacher": {"concurrency"}, "rollouts": speed, "server": patience,
    }  # fmt: skip
    data: dict[str, Any] = config.model_dump(mode="json", exclude=free)  # type: ignore[arg-type]
    for part in ("updater", "first_updater"):
        if data[part] is not None:
            data[part] = _learned(data[part])
    return data


def _learned(updater: Mapping[str, Any]) -> dict[str, Any]:
    """An updater's choice without how it is to be computed; those of a sequence too."""
    options = {key: value for key, value in updater["options"].items() if key not in _HOW}
    inner = options.get("updaters")
    if isinstance(inner, list):
        options["updaters"] = [_learned({"options": {}, **one}) for one in inner]
    return {**updater, "options": options}


M = TypeVar("M", bound=BaseModel)


def load_config(path: Path, overrides: Sequence[str] = ()) -> RunConfig:
    """Read a YAML file, apply overrides such as `rollouts.tasks=40`, validate.

    Raises:
        ConfigError: unreadable file, unknown key, wrong type, or an override that is not `a.b=c`.
    """
    data = read_yaml(path, overrides)
    if "environments" in data:
        raise ConfigError(
            f"'{path}' is of a run in several environments; this command takes one environment"
        )
    return validated(RunConfig, data, str(path))


def read_yaml(path: Path, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """The keys of a configuration, with overrides; not validated yet.

    Raises:
        ConfigError: unreadable file, no YAML, or an override that is not `a.b=c`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the configuration '{path}': {_why(error)}") from error
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"'{path}' is not valid YAML: {_one_line(str(error))}") from error
    if not isinstance(data, dict):
        raise ConfigError(f"'{path}' holds no configuration: expected keys such as 'environment:'")
    data.setdefault("name", path.stem)
    apply_overrides(data, overrides)
    return data


def apply_overrides(data: dict[str, Any], overrides: Sequence[str]) -> None:
    """Set dotted keys in place; values are YAML.

    Raises:
        ConfigError: an override is not `a.b=c`, or goes through a value that is no section.
    """
    for override in overrides:
        _apply(data, override)


def validated(model: type[M], data: Mapping[str, Any], where: str) -> M:
    """Validate `data` with `model`; the error names every bad key, where it is, and what fits.

    Raises:
        ConfigError: `data` does not fit.
    """
    try:
        return model.model_validate(dict(data))
    except ValidationError as error:
        problems = "; ".join(_problem(model, item) for item in error.errors())
        raise ConfigError(f"{where}: {problems}") from None


def to_yaml(config: BaseModel) -> str:
    """The resolved configuration, as it is saved in the run folder."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _apply(data: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    path = key.split(".")
    if not equals or not all(path):
        raise ConfigError(
            f"override '{override}' is not written KEY=VALUE, such as rollouts.tasks=40"
        )
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise ConfigError(f"the value of override '{override}' is not valid YAML") from None
    place = data
    for part in path[:-1]:
        if place.get(part) is None:
            place[part] = {}
        place = place[part]
        if not isinstance(place, dict):
            raise ConfigError(f"override '{override}': '{part}' holds a value, not a section")
    place[path[-1]] = value


def _problem(model: type[BaseModel], item: Mapping[str, Any]) -> str:
    location = [str(part) for part in item["loc"]]
    key = ".".join(location) or "the whole"
    if item["type"] == "extra_forbidden":
        known = _keys(model, location[:-1])
        close = get_close_matches(location[-1], known, n=1, cutoff=0.6)
        hint = f"did you mean '{close[0]}'? " if close else ""
        return f"unknown key '{key}'; {hint}known here: {', '.join(sorted(known)) or 'none'}"
    if item["type"] == "missing":
        return f"key '{key}' is missing"
    value = repr(item.get("input"))
    shown = value if len(value) <= 60 else value[:57] + "..."
    return f"key '{key}': {item['msg']} (got {shown})"


def _keys(model: type[BaseModel], location: Iterable[str]) -> list[str]:
    """Field names of the section at `location`."""
    section: Any = model
    for part in location:
        field = section.model_fields.get(part) if hasattr(section, "model_fields") else None
        section = next(iter(_models(field.annotation)), None) if field else None
    return list(section.model_fields) if section else []


def _models(annotation: Any) -> list[type[BaseModel]]:
    options = getattr(annotation, "__args__", (annotation,))
    return [a for a in options if isinstance(a, type) and issubclass(a, BaseModel)]


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or _one_line(str(error))


def _one_line(text: str) -> str:
    return " ".join(text.split())
