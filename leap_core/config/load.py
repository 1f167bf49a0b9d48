"""Reading a configuration: YAML, overrides, validation, and errors that name the bad key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from leap_core.config.schema import RunConfig
from leap_core.errors import ConfigError

RENAMED = {"drafts": "speculative"}
"""Keys by their names in earlier versions."""

M = TypeVar("M", bound=BaseModel)


def load_config(path: Path, overrides: Sequence[str] = ()) -> RunConfig:
    """Read a YAML file, apply overrides such as `rollouts.tasks=40`, validate.

    Raises:
        ConfigError: unreadable file, unknown key, wrong type, or an override that is not `a.b=c`.
    """
    data = read_yaml(path, overrides)
    if "environments" in data:
        raise ConfigError(
            f"'{path}' is of a run in several environments; this command takes one environment"
        )
    return validated(RunConfig, data, str(path))


def read_yaml(path: Path, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """The keys of a configuration, with overrides; not validated yet.

    Raises:
        ConfigError: unreadable file, no YAML, or an override that is not `a.b=c`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the configuration '{path}': {_why(error)}") from error
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"'{path}' is not valid YAML: {_one_line(str(error))}") from error
    if not isinstance(data, dict):
        raise ConfigError(f"'{path}' holds no configuration: expected keys such as 'environment:'")
    data.setdefault("name", path.stem)
    apply_overrides(data, overrides)
    return data


def apply_overrides(data: dict[str, Any], overrides: Sequence[str]) -> None:
    """Set dotted keys in place; values are YAML.

    Raises:
        ConfigError: an override is not `a.b=c`, or goes through a value that is no section.
    """
    for override in overrides:
        _apply(data, override)


def set_keys(data: dict[str, Any], changes: Mapping[str, Any]) -> None:
    """Set dotted keys to values, in place: `{"rollouts.tasks": 8}`.

    Raises:
        ConfigError: a key goes through a value that is no section.
    """
    for key, value in changes.items():
        _set(data, key, value, key)


def validated(model: type[M], data: Mapping[str, Any], where: str) -> M:
    """Validate `data` with `model`; the error names every bad key, where it is, and what fits.

    Raises:
        ConfigError: `data` does not fit.
    """
    try:
        return model.model_validate(dict(data))
    except ValidationError as error:
        problems = "; ".join(_problem(model, item) for item in error.errors())
        raise ConfigError(f"{where}: {problems}") from None


def to_yaml(config: BaseModel) -> str:
    """The resolved configuration, as it is saved in the run folder."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _apply(data: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    path = key.split(".")
    if not equals or not all(path):
        raise ConfigError(
            f"override '{override}' is not written KEY=VALUE, such as rollouts.tasks=40"
        )
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise ConfigError(f"the value of override '{override}' is not valid YAML") from None
    _set(data, key, value, override)


def _set(data: dict[str, Any], key: str, value: Any, override: str) -> None:
    *sections, last = key.split(".")
    section = data
    for name in sections:
        inner = section.get(name)
        if inner is not None and not isinstance(inner, dict):
            raise ConfigError(f"override '{override}': '{name}' holds a value, not a section")
        section[name] = dict(inner or {})  # the caller's own mapping stays as it is
        section = section[name]
    section[last] = value


def _problem(model: type[BaseModel], item: Mapping[str, Any]) -> str:
    location = [str(part) for part in item["loc"]]
    key = ".".join(location) or "the whole"
    if item["type"] == "extra_forbidden":
        known = _keys(model, location[:-1])
        close = [RENAMED[location[-1]]] if RENAMED.get(location[-1]) in known else []
        close = close or get_close_matches(location[-1], known, n=1, cutoff=0.6)
        hint = f"did you mean '{close[0]}'? " if close else ""
        return f"unknown key '{key}'; {hint}known here: {', '.join(sorted(known)) or 'none'}"
    if item["type"] == "missing":
        return f"key '{key}' is missing"
    value = repr(item.get("input"))
    shown = value if len(value) <= 60 else value[:57] + "..."
    return f"key '{key}': {item['msg']} (got {shown})"


def _keys(model: type[BaseModel], location: Iterable[str]) -> list[str]:
    """Field names of the section at `location`."""
    section: Any = model
    for part in location:
        field = section.model_fields.get(part) if hasattr(section, "model_fields") else None
        section = next(iter(_models(field.annotation)), None) if field else None
    return list(section.model_fields) if section else []


def _models(annotation: Any) -> list[type[BaseModel]]:
    options = getattr(annotation, "__args__", (annotation,))
    return [a for a in options if isinstance(a, type) and issubclass(a, BaseModel)]


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or _one_line(str(error))


def _one_line(text: str) -> str:
    return " ".join(text.split())
