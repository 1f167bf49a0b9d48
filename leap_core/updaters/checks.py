"""What can be said of an update's options before anything is trained."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from pathlib import Path

from leap_core.errors import ConfigError, MissingExtra
from leap_core.training.options import LaunchOptions, TrainingOptions


def check_options(options: TrainingOptions) -> None:
    """Check that what the options ask for is there.

    Raises:
        MissingExtra: a package is not installed.
        ConfigError: there is no GPU for what needs one, or no such file.
    """
    for tool in options.report_to:
        if find_spec(tool) is None:
            raise MissingExtra(f"updater.options.report_to: {tool}", tool, tool)
    if options.quantize:
        _check_quantize(options.quantize)
    launch = options.launch
    if isinstance(launch, LaunchOptions) and launch.accelerate_config is not None:
        path = Path(launch.accelerate_config)
        if not path.is_file():
            raise ConfigError(
                f"updater.options.launch.accelerate_config '{path}': no such file; make one with "
                f"`accelerate config --config_file {path}`"
            )


def _check_quantize(bits: str) -> None:
    where = f"updater.options.quantize: {bits}"
    if find_spec("bitsandbytes") is None:
        raise MissingExtra(where, "bitsandbytes", "bitsandbytes")
    torch = importlib.import_module("torch")
    if not torch.cuda.is_available():
        raise ConfigError(f"{where} needs a GPU that torch can use, and there is none here")
