"""A policy for use elsewhere: merged into one model, or its adapter alone; on the hub if asked."""

from __future__ import annotations

import shutil
from pathlib import Path

from leap_core.errors import ConfigError, LeapError, PolicyError
from leap_core.local.model import load_model
from leap_core.runs.folder import made_aside
from leap_core.types import PolicyRef


def export_policy(policy: PolicyRef, out: Path, merge: bool = True) -> Path:
    """Write `policy` to the folder `out`, which must not exist; whole or not at all.

    With `merge`, a model folder that any tool of the ecosystem loads; else the adapter alone.

    Raises:
        ConfigError: `out` exists, or there is nothing of the kind to export.
        PolicyError: the policy cannot be loaded.
    """
    if out.exists():
        raise ConfigError(f"'{out}' exists already; choose another folder")
    if policy.kind != "transformers":
        raise ConfigError(f"a policy of kind '{policy.kind}' has no weights to export")
    if not merge and policy.adapter is None:
        raise ConfigError("this policy has no adapter: it was trained whole; export it merged")
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        with made_aside(out) as folder:
            if merge:
                _merged(policy, folder)
            else:
                shutil.copytree(str(policy.adapter), folder, dirs_exist_ok=True)
    except OSError as error:
        raise LeapError(f"cannot write '{out}': {error.strerror or error}") from error
    return out


def _merged(policy: PolicyRef, folder: Path) -> None:
    model, tokenizer = load_model(policy)
    try:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    except ValueError as error:
        raise PolicyError(f"the model cannot be saved: {error}") from error
