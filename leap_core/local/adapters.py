"""Which weights an adapter was trained over: written beside it, compared when it is loaded.

An adapter fits any model of the same shapes, so that one over other weights would load without a
word and only reply badly.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from leap_core.errors import PolicyError

RECORD = "base.json"
_WEIGHTS, _INDEX = "model.safetensors", "model.safetensors.index.json"


def write_base(adapter: Path, model: str) -> None:
    """Note in the folder `adapter` that it was trained over `model`."""
    record = {"model": model, "fingerprint": fingerprint(model)}
    (adapter / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def check_base(adapter: str, model: str) -> None:
    """Check that `adapter` was trained over the weights of `model`, as far as that is known.

    Of an adapter that LEAP did not make, the model that PEFT noted is compared, if it is here.

    Raises:
        PolicyError: it was trained over other weights.
    """
    made_for, expected = _noted(Path(adapter))
    found = fingerprint(model) if expected else None
    if expected and found and expected != found:
        raise PolicyError(
            f"the adapter '{adapter}' was trained over other weights ('{made_for}') than those of "
            f"'{model}'; give it the model that it was made for, or leave the adapter away"
        )


def made_for(adapter: str) -> str:
    """Name of the model that an adapter was trained over; "" where nothing says so."""
    return _noted_by_peft(Path(adapter))


def fingerprint(model: str) -> str | None:
    """Hash of a model's weights, the same wherever they lie and however they are cut into files.

    Taken from three rows of every tensor, rounded to bfloat16, since an adapter may be used over
    the same weights at another precision. None where the weights are not in safetensors files, or
    not on this machine.
    """
    files = _weight_files(model)
    if not files:
        return None
    whole = hashlib.sha256()
    for line in sorted(line for path in files for line in _tensors(path)):
        whole.update(line.encode())
    return whole.hexdigest()[:32]


def _tensors(path: Path) -> Iterator[str]:
    """Name, shape and hash of some values of every tensor in a file."""
    import torch
    from safetensors import safe_open

    with safe_open(path, "pt") as weights:
        for name in weights.keys():  # noqa: SIM118
            part = weights.get_slice(name)
            shape = part.get_shape()
            values = hashlib.sha256()
            for row in _rows(shape):
                taken: Any = part[row] if shape else weights.get_tensor(name)
                taken = taken.to(torch.bfloat16).contiguous().view(torch.uint8)
                values.update(taken.numpy().tobytes())
            yield f"{name} {shape} {values.hexdigest()}\n"


def _rows(shape: list[int]) -> list[tuple[slice, ...]]:
    """Where the first, the middle and the last row along the last dimension lie."""
    if 0 in shape:
        return []
    outer = shape[:-1]
    places = {tuple((n - 1) * part // 2 for n in outer) for part in (0, 1, 2)}
    return [(*(slice(i, i + 1) for i in place), slice(None)) for place in sorted(places)]


def _weight_files(model: str) -> list[Path]:
    """The safetensors files of a model folder, or of a hub id that was loaded before."""
    index = _file(model, _INDEX)
    if index is None:
        whole = _file(model, _WEIGHTS)
        return [] if whole is None else [whole]
    names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    found = [_file(model, name) for name in names]
    return [path for path in found if path is not None] if all(found) else []


def _file(model: str, name: str) -> Path | None:
    folder = Path(model)
    if folder.is_dir():
        return folder / name if (folder / name).is_file() else None
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        cached = try_to_load_from_cache(model, name)
    except HFValidationError:
        return None
    return Path(cached) if isinstance(cached, str) else None


def _noted(adapter: Path) -> tuple[str, str | None]:
    """The model that an adapter was trained over, and its fingerprint."""
    record = _json(adapter / RECORD)
    if record.get("fingerprint"):
        return str(record.get("model")), str(record["fingerprint"])
    model = _noted_by_peft(adapter)
    return model, fingerprint(model) if model else None


def _noted_by_peft(adapter: Path) -> str:
    return str(_json(adapter / "adapter_config.json").get("base_model_name_or_path") or "")


def _json(path: Path) -> dict[str, Any]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}
