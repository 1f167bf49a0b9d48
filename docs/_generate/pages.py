"""The hook of MkDocs that adds the pages written from the code, and fills patterns in `nav`."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import commands
import configuration
import hooks
import options
import walk
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent.parent

INDEX = """# Reference

Written from the code, so that it says what the installed version does.

- **Commands**: every command of `leap`, with its arguments and options. What they are for:
  [the `leap` command](../cli.md).
- **Configuration**: every section of a run's configuration, beginning with
  [the whole](configuration/index.md).
- **Options of parts**: what `options:` may hold for every environment, privileged source, teacher
  and updater.
- **[One failed trajectory](walkthrough.md)**: what happens to it, file by file.
- **Hooks**: the contract with plugins. How to use them: [hooks](../hooks.md).
"""


def reference() -> dict[str, str]:
    """All pages that are written from the code: address -> markdown."""
    pages = {"reference/index.md": INDEX, "reference/walkthrough.md": walk.page()}
    for folder, module in {
        "commands": commands,
        "configuration": configuration,
        "options": options,
        "hooks": hooks,
    }.items():
        for name, text in module.pages().items():
            pages[f"reference/{folder}/{name}.md"] = text
    return pages


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages, and the repository's own, then resolve `nav`."""
    pages = reference()
    for name in ("CHANGELOG", "CONTRIBUTING"):
        text = (ROOT / f"{name}.md").read_text(encoding="utf-8")
        pages[f"{name.lower()}.md"] = text.replace("](docs/", "](")
    for address, text in pages.items():
        files.append(File.generated(config, address, content=text))
    found = [f.src_uri for f in files.documentation_pages()]
    config.nav = _filled(config.nav, found, set(_named(config.nav)))
    return files


def _named(nav: Any) -> list[str]:
    """The addresses and patterns that `nav` holds."""
    if isinstance(nav, str):
        return [nav]
    inner = nav.values() if isinstance(nav, dict) else nav
    return [name for part in inner for name in _named(part)]


def _filled(nav: Any, found: list[str], named: set[str]) -> Any:
    """`nav` with each pattern replaced by the pages that fit it and are named nowhere."""
    if isinstance(nav, list):
        return [_filled(part, found, named) for part in nav]
    if isinstance(nav, dict):
        return {title: _filled(part, found, named) for title, part in nav.items()}
    if "*" not in nav:
        return nav
    folder, _, pattern = nav.rpartition("/")
    fitting = [
        page
        for page in found
        if page.rpartition("/")[0] == folder and fnmatch(page.rpartition("/")[2], pattern)
    ]
    return sorted(set(fitting) - named, key=_place)


def _place(page: str) -> tuple[bool, str]:
    """An index comes first, and a section before those inside it."""
    return not page.endswith("/index.md"), page.removesuffix(".md")
