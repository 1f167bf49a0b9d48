"""The configuration of a run: its model, loading, dotted overrides, and errors one can act on."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.fields import FieldInfo


class Section(BaseModel):
    """Base of every options model: unknown keys are refused, values are not coerced silently."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoOptions(Section):
    """Options of a component that has none."""


class ComponentConfig(Section):
    """A plugin's part, chosen by name, with that part's own options."""

    name: str
    options: dict[str, Any] = Field(default_factory=dict)


def _sequence(value: Any) -> Any:
    """`[sft, {name: dpo, options: …}]` is short for the updater `sequence`."""
    if not isinstance(value, list):
        return value
    named = [{"name": one} if isinstance(one, str) else one for one in value]
    return {"name": "sequence", "options": {"updaters": named}}


UpdaterConfig = Annotated[ComponentConfig, BeforeValidator(_sequence)]


class GenerationConfig(Section):
    """How the student decodes.

    The defaults are the paper's (App. D.1): temperature 0.3, at most 256 new tokens.
    Temperature 0 is greedy. `constrained`: the ACTION part is chosen among the candidates and
    templates of the observation, so that it can always be executed.

    `device`, `dtype` and `attention` concern a model in this process: "auto" is a GPU if there is
    one, and the weights as stored (float32 on a CPU); `attention` is one of transformers'
    implementations ("sdpa", "eager", …) instead of LEAP's own decoding. `speculative`: draft
    tokens from earlier replies, verified by the model in one pass; replies stay the same.
    """

    temperature: float = Field(0.3, ge=0)
    top_p: float = Field(1.0, gt=0, le=1)
    max_new_tokens: int = Field(256, gt=0)
    constrained: bool = False
    device: Literal["auto", "cpu", "cuda"] = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    attention: str | None = None
    speculative: bool = True


class StudentConfig(Section):
    """The policy to train.

    `model` is "tiny" (a small Llama built from scratch), "tiny-base" (the small pre-trained one
    that LEAP ships), "scripted:NAME", a folder, or a hub id.
    """

    model: str
    adapter: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    generation: GenerationConfig = GenerationConfig()
    layout: dict[str, str] = Field(default_factory=dict)


class SplitConfig(Section):
    """Which split serves which purpose, by the environment's own names."""

    train: str = "train"
    validation: str = "valid_seen"
    test: str | None = None


class DemonstrationConfig(Section):
    """What behaviour cloning (iteration 0) starts from: `tasks` demonstrations of a kind.

    `kind` is one of the environment's; null takes its first. `replay` is how many of them join
    the corrections in later iterations; null is all, as the paper aggregates. `reasons: teacher`
    has the teacher write the reasons (the paper's autolabelling), from the demonstration alone.
    """

    tasks: int = Field(300, ge=0)
    kind: str | None = None
    reasons: Literal["own", "teacher"] = "own"
    replay: int | None = Field(None, ge=0)


class ExecutorConfig(Section):
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
    def _options_are_used(self) -> ExecutorConfig:
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


class RolloutConfig(Section):
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
    executor: Annotated[ExecutorConfig, BeforeValidator(_executor)] = ExecutorConfig()


class ServerConfig(Section):
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


def _judge(value: Any) -> Any:
    """`judge: MODEL` is short for the `litellm` teacher with that model."""
    return {"name": "litellm", "options": {"model": value}} if isinstance(value, str) else value


class AuditConfig(Section):
    """What looks for leaks after the rules: nothing, a judge, or the student's own likelihood.

    `judge` is a model that the `litellm` teacher reaches, or the name and options of any teacher
    that judges; it is asked once about each correction. `likelihood` is a fall, in nats a token:
    a reason whose likelihood falls as much when the hidden state is swapped for another task's is
    suspect.
    """

    judge: Annotated[ComponentConfig | None, BeforeValidator(_judge)] = None
    likelihood: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _one(self) -> AuditConfig:
        if self.judge is not None and self.likelihood is not None:
            raise ValueError("takes 'judge' or 'likelihood', not both")
        return self


def _audit(value: Any) -> Any:
    """`rules` and `likelihood` alone are short for sections."""
    short = {"rules": {}, "likelihood": {"likelihood": 0.5}}
    if isinstance(value, str) and value not in short:
        raise ValueError("is 'rules', 'likelihood' or {judge: MODEL}")
    return short[value] if isinstance(value, str) else value


class TeacherConfig(ComponentConfig):
    """The teacher and how freely it may use the privileged state (levels 1..5).

    `repeats`: a student that goes round in circles gets the same correction again and again; this
    many of each, word for word, are learned from in one trajectory (null: all, as in the paper).
    `confirmed`: steps of a failed trajectory that the teacher repeats as they were are learned too,
    so that a student does not hear of its mistakes alone (as in the paper, where every step is).
    `audit`: who looks for leaks: "rules" alone, or a second pass after them, "likelihood" or
    {judge: MODEL}.
    """

    level: int = Field(3, ge=1, le=5)
    concurrency: int = Field(8, gt=0)
    leaks: Literal["keep", "drop", "reask"] = "drop"
    audit: Annotated[AuditConfig, BeforeValidator(_audit)] = AuditConfig()
    repeats: int | None = Field(None, gt=0)
    confirmed: bool = False


class BudgetConfig(Section):
    """What a run may spend on model calls; null is no limit."""

    dollars: float | None = Field(None, ge=0)
    tokens: int | None = Field(None, ge=0)


class EvaluationConfig(Section):
    """How many tasks of each split are played to score a policy (null: all of the split)."""

    tasks: int | None = Field(None, gt=0)
    test_tasks: int | None = Field(None, gt=0)
    generation: GenerationConfig | None = None


class RunConfig(Section):
    """A whole run of Algorithm 1.

    `learn_from: demonstrations` is the control: every iteration learns from demonstrations of the
    tasks that it would have rolled out; no rollouts, no teacher.
    """

    name: str = Field("run", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    seed: int = 0
    iterations: int = Field(3, ge=0)
    learn_from: Literal["corrections", "demonstrations"] = "corrections"
    environment: ComponentConfig
    splits: SplitConfig = SplitConfig()
    student: StudentConfig
    demonstrations: DemonstrationConfig = DemonstrationConfig()
    rollouts: RolloutConfig = RolloutConfig()
    server: ServerConfig = ServerConfig()
    privileged: ComponentConfig | None = None
    teacher: TeacherConfig | None = None
    updater: UpdaterConfig
    first_updater: UpdaterConfig | None = None
    evaluation: EvaluationConfig = EvaluationConfig()
    budget: BudgetConfig = BudgetConfig()

    def seed_of(self, iteration: int) -> int:
        """The seed of an iteration: of its tasks, rollouts, teacher calls and update."""
        return self.seed * 1000 + iteration
