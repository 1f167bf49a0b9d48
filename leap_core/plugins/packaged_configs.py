"""Configurations that installed plugins ship as configs/NAME.yaml."""

from __future__ import annotations

from pathlib import Path

from leap_core.plugins.manager import load_plugins


def packaged_config(name: str) -> Path | None:
    """A configuration that an installed plugin ships as `configs/NAME.yaml`, or None."""
    from importlib.util import find_spec

    stem = name.removesuffix(".yaml")
    if not stem.replace("-", "").replace("_", "").isalnum():
        return None
    modules = {e.factory.partition(".")[0] for e in load_plugins().registry.entries()}
    for module in sorted(modules):
        spec = find_spec(module)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            path = Path(folder) / "configs" / f"{stem}.yaml"
            if path.is_file():
                return path
    return None
