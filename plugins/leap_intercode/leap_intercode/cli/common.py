"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from leap_intercode.containers import DEFAULT_IMAGE
from leap_intercode.sql.choice import STORES

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


def store_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --store, --url and --data-dir."""
    for option in (
        click.option(
            "--data-dir", type=click.Path(path_type=Path), help="Folder of official tasks."
        ),
        click.option("--url", help="A server of yours, such as mysql://reader@host:3306."),
        click.option("--store", type=click.Choice(STORES), default="sqlite", show_default=True),
    ):
        function = option(function)
    return function
