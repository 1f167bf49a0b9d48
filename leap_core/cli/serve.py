"""`leap serve`: a model server for a policy, in the server's own environment."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from types import FrameType

import click

from leap_core.cli.main import Settings


@click.command()
@click.argument("policy")
@click.option("--iteration", type=int, help="Iteration, where POLICY is a run (default: the best).")
@click.option("--adapter", help="Folder of an adapter over POLICY.")
@click.option("--command", "line", default="vllm", show_default=True,
              help="vllm, sglang, transformers, or a command line of your own.")  # fmt: skip
@click.option("--python", default="python", show_default=True,
              help="Interpreter of the environment that the server is installed in.")  # fmt: skip
@click.option("--port", type=click.IntRange(1, 65535), help="Port (default: a free one).")
@click.option("--ready-timeout", type=click.FloatRange(min=0, min_open=True), default=600.0,
              show_default=True, help="Seconds that it may take to be ready.")  # fmt: skip
@click.option("--log", type=click.Path(path_type=Path), help="Keep the server's output here.")
@click.pass_obj
def command(
    settings: Settings, policy: str, iteration: int | None, adapter: str | None, line: str,
    python: str, port: int | None, ready_timeout: float, log: Path | None,
) -> None:  # fmt: skip
    """Serve POLICY, a run folder, a model folder or a hub id, until Ctrl-C.

    Its address is printed when it is ready.
    """
    from leap_core.analysis.score import policy_of
    from leap_core.config.schema import ServerConfig
    from leap_core.errors import ConfigError, PolicyError
    from leap_core.policy.model_server import ModelServer
    from leap_core.stages.engines import engine_of
    from leap_core.types import PolicyRef

    if (Path(policy) / "config.yaml").exists():
        if adapter is not None:
            raise ConfigError("a policy of a run brings its own adapter; leave --adapter out")
        chosen = policy_of(Path(policy), iteration)
    elif iteration is not None:
        raise ConfigError(f"--iteration chooses a policy of a run, and '{policy}' is none")
    else:
        chosen = PolicyRef(kind="transformers", model=policy, adapter=adapter)
    server = ModelServer(
        chosen,
        engine_of(chosen),
        ServerConfig(command=line, python=python, port=port, ready_timeout=ready_timeout),
        log,
    )
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        try:
            server.start()
        except PolicyError:
            click.echo(server.last_words, err=True)
            raise
        click.echo(f"serving {policy} at {server.base_url}")
        if not settings.quiet:
            click.echo(f"play with it: --policy {server.base_url} (Ctrl-C stops it)", err=True)
        ended = threading.Event()
        while server.running:
            ended.wait(0.5)
        click.echo(server.tail(), err=True)
        raise PolicyError(f"the model server has ended: {server.last()}")
    finally:
        server.stop()


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
