"""From student.model in a configuration to the policy that it names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from leap_core.contracts.environment import Environment
from leap_core.errors import ConfigError, unknown
from leap_core.plugins.build import policy_engine
from leap_core.stages.engines import require_local
from leap_core.types import PolicyRef

TINY = "tiny"


TINY_BASE = "tiny-base"


SCRIPTED = "scripted:"


_HOSTED = re.compile(r"([A-Za-z][\w-]*):(?!//).")


def resolve_student(model: str, adapter: str | None, environment: Environment) -> PolicyRef | None:
    """The policy that `model` names, or None for "tiny", which has to be made first.

    Raises:
        ConfigError: the environment has no such scripted policy or pre-trained student, or the
            folder holds no model.
    """
    if model.startswith(("http://", "https://")):
        from leap_core.policy.server_engine import addresses

        if adapter is not None:
            raise ConfigError("a policy on a server takes no adapter from here; serve it with one")
        urls, _, name = model.partition("#")
        return PolicyRef(kind="server", model=name, base_url=",".join(addresses(urls)))
    hosted = _HOSTED.match(model)
    if hosted and not model.startswith(SCRIPTED):
        policy_engine(hosted[1])
        return PolicyRef(kind="plugin", model=model)
    if not model.startswith(SCRIPTED):
        require_local("a student in this process")
    if model == TINY:
        return None
    if model.startswith(SCRIPTED):
        name = model.removeprefix(SCRIPTED)
        if environment.scripted_policy(name) is None:
            known = environment.scripted_policies()
            raise ConfigError(unknown("scripted policy", name, known, "student.model"))
        return PolicyRef(kind="scripted", model=name)
    if model == TINY_BASE:
        folder = environment.pretrained_student()
        if folder is None:
            raise ConfigError(
                f"student.model '{TINY_BASE}': this environment ships no pre-trained student; "
                f"use '{TINY}' or a model folder"
            )
        return PolicyRef(kind="transformers", model=str(folder))
    _check_model_folder(model, adapter)
    return PolicyRef(kind="transformers", model=model, adapter=adapter)


def resolve_students(
    model: str, adapter: str | None, environments: Sequence[Environment]
) -> PolicyRef | None:
    """`resolve_student` for a run in all of `environments`.

    A scripted policy has to be known to all. "tiny-base" is that of the first which ships one.
    """
    if model == TINY_BASE:
        shipping = [e for e in environments if e.pretrained_student() is not None]
        environments = (shipping or environments)[:1]
    known = [resolve_student(model, adapter, environment) for environment in environments]
    return known[0]


def _check_model_folder(model: str, adapter: str | None) -> None:
    """A path must hold a model; anything that is not written as a path may be a hub id."""
    folder = Path(model)
    looks_like_path = folder.exists() or model.startswith((".", "/", "~")) or model.count("/") > 1
    if looks_like_path and not (folder / "config.json").is_file():
        raise ConfigError(
            f"student.model '{model}': no model there (a model folder holds config.json); "
            f"use '{TINY}', a model folder or a hub id"
        )
    if adapter is not None and not (Path(adapter) / "adapter_config.json").is_file():
        raise ConfigError(f"student.adapter '{adapter}': no adapter there (adapter_config.json)")
