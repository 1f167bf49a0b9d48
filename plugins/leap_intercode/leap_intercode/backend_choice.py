"""Choose where commands run, by name or by what this machine offers."""

from __future__ import annotations

from pathlib import Path

from leap_core import ConfigError
from leap_intercode.backends import Backend, NamespacesBackend


def backends(rootfs: Path | None, *, tmp: bool, image: str) -> dict[str, Backend]:
    """All backends by name, in the order in which `auto` tries them."""
    from leap_intercode.containers import ContainerBackend

    found: dict[str, Backend] = {}
    if rootfs is not None:
        found["rootfs"] = NamespacesBackend(rootfs, tmp=tmp)
    found["namespaces"] = NamespacesBackend(tmp=tmp)
    for program in ("docker", "podman"):
        found[program] = ContainerBackend(program, image, tmp=tmp)
    return found


def choose(name: str, rootfs: Path | None, *, tmp: bool, image: str) -> Backend:
    """The backend of that name, or the first that passes its self-test.

    Raises:
        ConfigError: it does not work here (with what it needs); there is no unsandboxed way.
    """
    known = backends(rootfs, tmp=tmp, image=image)
    if name == "rootfs" and rootfs is None:
        raise ConfigError("backend 'rootfs' needs the option 'rootfs': a root folder to run in")
    tried = known if name == "auto" else {name: known[name]}
    troubles = []
    for backend in tried.values():
        why = backend.problem()
        if why is None:
            return backend
        troubles.append(f"{backend.name}: {why} (it needs {backend.requirement()})")
    raise ConfigError(
        "no sandbox works here, and commands are never run without one; "
        + "; ".join(troubles)
        + "; 'leap intercode doctor' says more"
    )
