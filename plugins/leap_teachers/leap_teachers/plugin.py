"""What this plugin registers. Light on purpose: factories are imported when a run names them."""

from leap_core import Register, hookimpl

LEAP_API_VERSION = 2


@hookimpl
def leap_register_teachers(register: Register) -> None:
    register(
        "oracle",
        "leap_teachers.oracle:OracleTeacher",
        "Asks the environment's scripted expert; needs no model",
    )
    register(
        "litellm",
        "leap_teachers.litellm_teacher:LitellmTeacher",
        "Asks any model by API, or an OpenAI-compatible server; one question a trajectory",
    )
    register(
        "self",
        "leap_teachers.self_teacher:SelfTeacher",
        "The student corrects itself, told what is hidden; in process or by its server",
    )
    register(
        "constrained",
        "leap_teachers.constrained:ConstrainedTeacher",
        "Privileged replies held near unprivileged ones (Appendix B.2); needs log-probabilities",
    )


@hookimpl
def leap_register_privileged_sources(register: Register) -> None:
    register(
        "recorded",
        "leap_teachers.recorded:RecordedSource",
        "States from a file, such as `leap describe` writes from demonstrations",
    )


@hookimpl
def leap_register_policy_engines(register: Register) -> None:
    register(
        "litellm",
        "leap_teachers.policy:LitellmPolicy",
        "Plays as `litellm:MODEL`, any model by API: cached, priced, within the budget",
    )
