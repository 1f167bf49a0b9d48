"""The teachers' prompts: jinja2 templates that an environment or a user may replace."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from leap_core import ConfigError, unknown
from leap_teachers.model_io import Message

_FOLDER = Path(__file__).parent / "templates"


class Prompts:
    """Templates by name; `overrides` stand in for those of the package.

    Raises:
        ConfigError: an override has an unknown name, or is no valid template.
    """

    def __init__(self, *overrides: Mapping[str, str]) -> None:
        self._engine = jinja2.Environment(
            undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        self._sources = dict(_packaged())
        for layer in overrides:
            for name, text in layer.items():
                if name not in self._sources:
                    raise ConfigError(unknown("prompt template", name, self._sources))
                self._sources[name] = text
        self._templates = {name: self._compiled(name) for name in self._sources}

    def conversation(self, kind: str, **values: Any) -> tuple[Message, ...]:
        """Render `kind`_system and `kind`_user.

        Raises:
            ConfigError: a template uses a variable that it is not given.
        """
        return tuple(
            Message(role, self._render(f"{kind}_{role}", values)) for role in ("system", "user")
        )

    def _render(self, name: str, values: Mapping[str, Any]) -> str:
        try:
            return self._templates[name].render(**values).strip()
        except jinja2.TemplateError as error:
            raise ConfigError(f"prompt template '{name}': {error}") from error

    def _compiled(self, name: str) -> jinja2.Template:
        try:
            return self._engine.from_string(self._sources[name])
        except jinja2.TemplateSyntaxError as error:
            raise ConfigError(f"prompt template '{name}' is not valid: {error}") from error


@cache
def _packaged() -> Mapping[str, str]:
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(_FOLDER.glob("*.jinja"))}
