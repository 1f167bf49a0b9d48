"""The built-in commands: names, where they are, and the line that `leap --help` prints.

Each module here has a click command named `command`. They are registered like any plugin's, so
that a plugin cannot take their names.
"""

from __future__ import annotations

from leap_core.hookspecs import Register, hookimpl

LEAP_API_VERSION = 2

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("leap_core.cli.run", "Train a student: Algorithm 1 from a config file, or resume it."),
    "evaluate": ("leap_core.cli.evaluate", "Evaluate a policy on a split of an environment."),
    "rollout": ("leap_core.cli.rollout", "Play a policy and keep its trajectories."),
    "serve": ("leap_core.cli.serve", "Serve a policy with vLLM, SGLang or another server."),
    "report": ("leap_core.cli.report", "Show what a run did: tables, and an HTML page."),
    "estimate": ("leap_core.cli.estimate", "Calls, tokens and cost of a run, beforehand."),
    "describe": ("leap_core.cli.describe", "Privileged state from demonstrations, by a model."),
    "audit": ("leap_core.cli.audit", "Do corrections leak? Could the student reach them itself?"),
    "export": ("leap_core.cli.export", "A policy, or its training examples, for use elsewhere."),
    "data": ("leap_core.cli.data", "Fetch an environment's official data."),
    "check": ("leap_core.cli.check", "Does a plugin keep its contract? The conformance kit."),
    "new-plugin": ("leap_core.cli.new_plugin", "A package to start a plugin of your own from."),
    "list-plugins": ("leap_core.cli.list_plugins", "List plugins, what they give, their state."),
}


@hookimpl
def leap_register_commands(register: Register) -> None:
    for name, (module, summary) in COMMANDS.items():
        register(name, f"{module}:command", summary)
