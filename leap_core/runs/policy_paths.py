"""Where a policy's files are, when the folder around them has another name or place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from leap_core.types import PolicyRef


def map_paths(policy: PolicyRef, change: Callable[[str], str]) -> PolicyRef:
    """Return the policy with `change` applied to the paths that it has (model, adapter)."""
    return replace(
        policy,
        model=change(policy.model) if policy.model else policy.model,
        adapter=change(policy.adapter) if policy.adapter else policy.adapter,
    )


def relocated(policy: PolicyRef, old: Path, new: Path) -> PolicyRef:
    """Return the policy after the folder `old` was moved to `new`; other paths stay as they are."""

    def moved(path: str) -> str:
        for start in (old, old.resolve()):
            if Path(path).is_relative_to(start):
                return str(new / Path(path).relative_to(start))
        return path

    return map_paths(policy, moved)
