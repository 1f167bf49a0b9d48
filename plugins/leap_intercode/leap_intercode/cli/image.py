"""`leap intercode image`: build the container image."""

from __future__ import annotations

import click

from leap_intercode.containers import DEFAULT_IMAGE, DOCKERFILE, ContainerBackend


@click.command("image")
@click.option("--program", type=click.Choice(["docker", "podman"]), default="docker")
@click.option("--image", default=DEFAULT_IMAGE, show_default=True)
@click.option("--show", is_flag=True, help="Print the definition and build nothing.")
def command(program: str, image: str, show: bool) -> None:
    """Build the image that the backends 'docker' and 'podman' use (Ubuntu with some tools)."""
    if show:
        click.echo(DOCKERFILE, nl=False)
        return
    ContainerBackend(program, image).build()
    click.echo(f"built {image}")
