"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from leap_intercode.containers import DEFAULT_IMAGE

BACKENDS = ("auto", "namespaces", "rootfs", "docker", "podman")


def backend_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --backend, --rootfs and --image."""
    for option in (
        click.option("--image", default=DEFAULT_IMAGE, show_default=True, help="Of containers."),
        click.option(
            "--rootfs",
            type=click.Path(path_type=Path, file_okay=False, exists=True),
            help="Root folder for the backend 'rootfs'.",
        ),
        click.option("--backend", type=click.Choice(BACKENDS), default="auto", show_default=True),
    ):
        function = option(function)
    return function
