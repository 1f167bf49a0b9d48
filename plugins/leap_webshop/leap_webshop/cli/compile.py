"""`leap webshop compile`: turn a catalogue into a store that processes share."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, cast

import click

from leap_core import ConfigError
from leap_webshop.compiling import Source, compile_store, files_source
from leap_webshop.files import find_files
from leap_webshop.generator import LARGEST, Generator
from leap_webshop.options import DATA_VARIABLE

GENERATED = ("small", "full")


@click.command("compile")
@click.argument("source")
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option("--items", help="Which products' file, where SOURCE holds several.")
@click.option("--products", type=click.IntRange(1, LARGEST), help="Only the first so many.")
@click.option("--seed", type=int, help="Of a generated catalogue.  [default: 0]")
@click.option(
    "--processes", type=click.IntRange(min=1), default=2, show_default=True, help="That analyse."
)
def command(
    source: str,
    out: Path,
    items: str | None,
    products: int | None,
    seed: int | None,
    processes: int,
) -> None:
    """Compile SOURCE to a store in the new folder OUT.

    SOURCE is a folder of WebShop's files, or "small" or "full" for a generated catalogue (then
    --products says how many). Processes that open the store share its memory, and opening it takes
    next to no time.
    """
    made_from = _source(source, items, products, seed)
    with click.progressbar(length=products or 0, label="products analysed") as bar:

        def progress(done: int) -> None:
            bar.length = max(bar.length or 0, done)
            bar.update(done - bar.pos)

        catalogue = compile_store(made_from, out, products, processes, progress)
    counts = catalogue.manifest["goals"]
    click.echo(
        f"{out}: {len(catalogue):,} products, {counts['human']:,} human and "
        f"{counts['synthetic']:,} synthetic goals"
    )
    for why, count in sorted(catalogue.manifest["skipped"].items()):
        click.echo(f"left out: {count:,} with {why}")
    click.echo(f"now set {DATA_VARIABLE}={out} (or the option data_dir), catalogue: official")


def _source(source: str, items: str | None, products: int | None, seed: int | None) -> Source:
    if source not in GENERATED:
        if seed is not None:
            raise ConfigError("--seed is for generated catalogues ('small' or 'full')")
        return files_source(find_files(Path(source), items))
    if items is not None:
        raise ConfigError("--items is for a folder of WebShop's files")
    if products is None:
        raise ConfigError(f"say how many: leap webshop compile {source} OUT --products 100000")
    return Generator(cast("Literal['small', 'full']", source), seed or 0).source(products)
