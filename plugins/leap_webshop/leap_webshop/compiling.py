"""From records in upstream's schema to a catalogue, in memory or as a store on disk."""

from __future__ import annotations

import hashlib
import json
import shutil
from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from leap_core import ConfigError, DataError
from leap_webshop import __version__
from leap_webshop.catalogue import BLOBS, FORMAT, MANIFEST, Catalogue, open_store
from leap_webshop.files import Files, read_list, read_mapping
from leap_webshop.goals import combinations, shuffled
from leap_webshop.indexing import Allocate, Block, block, in_memory, merge
from leap_webshop.product import Product, UnusableRecord, read_product

Array = npt.NDArray[Any]
_BLOCK = 10_000
"""Documents that are analysed together."""
_AHEAD = 4
"""Blocks that wait for each process, at most."""
_MOST_COMBINATIONS = 1_000_000
"""Of a product's options; official products have at most 558."""


@dataclass(frozen=True, slots=True)
class Source:
    """Records in upstream's schema: the rows of `items_shuffle`, and by asin those of the others.

    `name` says where they are from; `read` gives the rows.
    """

    name: str
    read: Callable[[], Iterable[Any]]
    attributes: Mapping[str, Any]
    human: Mapping[str, Any]


@dataclass
class _Made:
    """What is collected while the products go by."""

    ids: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    skipped: Counter[str] = field(default_factory=Counter)
    combinations: list[int] = field(default_factory=list)
    hash: Any = field(default_factory=hashlib.sha256)


class _Blob:
    """Lines, one behind the other, with the places where they begin."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.starts = array("q", [0])

    def add(self, line: str) -> None:
        data = line.encode()
        self._write(data)
        self.starts.append(self.starts[-1] + len(data))

    def _write(self, data: bytes) -> None:
        self.parts.append(data)

    def array(self) -> Array:
        return np.frombuffer(b"".join(self.parts), np.uint8)


class _FileBlob(_Blob):
    """The same in a file."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.file = path.open("wb")

    def _write(self, data: bytes) -> None:
        self.file.write(data)

    def array(self) -> Array:
        self.file.close()
        if not self.starts[-1]:
            return np.empty(0, np.uint8)
        return np.memmap(self.path, np.uint8, "r")


def files_source(files: Files) -> Source:
    """Upstream's files.

    Raises:
        DataError: a file is unreadable, torn, or not what it should be.
    """
    human = dict(read_mapping(files.human)) if files.human else {}
    attributes = dict(read_mapping(files.attributes))
    return Source(files.items.name, lambda: read_list(files.items), attributes, human)


def compile_in_memory(source: Source, limit: int | None = None) -> Catalogue:
    """A catalogue of the first `limit` records, kept in memory."""
    made = _Made()
    blobs = {name: _Blob() for name in BLOBS}
    blocks = [block(texts) for texts in _batches(_texts(source, limit, made, blobs))]
    arrays = _arrays(made, blobs, lambda: blocks, in_memory)
    return Catalogue(arrays, _manifest(source, made, arrays))


def compile_store(
    source: Source,
    folder: Path,
    limit: int | None = None,
    processes: int = 2,
    progress: Callable[[int], None] = lambda done: None,
) -> Catalogue:
    """Write a store of the first `limit` records to a new folder, and open it.

    The manifest is written last: a store that was broken off is none.

    Raises:
        ConfigError: the folder is not empty.
        DataError: the source cannot be read, or the store not written; nothing is left then.
    """
    if folder.exists() and any(folder.iterdir()):
        raise ConfigError(f"'{folder}' exists and is not empty; choose another folder")
    scratch = folder / "scratch"
    scratch.mkdir(parents=True)
    try:
        made = _Made()
        blobs = {name: _FileBlob(scratch / name) for name in BLOBS}
        texts = _texts(source, limit, made, blobs)
        written = _analyse(_batches(texts), scratch, processes, progress)

        def allocate(name: str, size: int, dtype: Any) -> Array:
            path = folder / f"{name}.npy"
            if not size:
                np.save(path, np.empty(0, dtype))
                return np.empty(0, dtype)
            return np.lib.format.open_memmap(path, "w+", dtype, (size,))

        arrays = _arrays(made, blobs, lambda: map(_load, written), allocate)
        manifest = _manifest(source, made, arrays)
        for array in arrays.values():
            if isinstance(array, np.memmap):
                array.flush()
        sizes = {name: (folder / f"{name}.npy").stat().st_size for name in arrays}
        text = json.dumps(manifest | {"sizes": sizes}, indent=1)
        (folder / MANIFEST).write_text(text, encoding="utf-8")
        shutil.rmtree(scratch)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError):
            raise DataError(f"cannot write the store '{folder}': {error.strerror}") from error
        raise
    return open_store(folder)


def _texts(
    source: Source, limit: int | None, made: _Made, blobs: Mapping[str, _Blob]
) -> Iterator[str]:
    """Read products and goals into the blobs; what is to be indexed comes out."""
    for record in islice(source.read(), limit):
        try:
            asin = str(record.get("asin")) if isinstance(record, Mapping) else ""
            told = _attributes(source.attributes.get(asin), made)
            product = read_product(record, told.attributes)
            if product.asin in made.seen:
                raise UnusableRecord("an asin that came before")
            line = product.to_json()
            made.hash.update(line.encode())
        except UnusableRecord as error:
            made.skipped[str(error)] += 1
            continue
        except UnicodeEncodeError:
            made.skipped["text that is no Unicode"] += 1
            continue
        _human(product, len(made.ids), source.human.get(product.asin) or [], made, blobs["human"])
        _synthetic(product, len(made.ids), told, made, blobs["synthetic"])
        blobs["products"].add(line)
        made.ids.append(product.asin)
        made.seen.add(product.asin)
        yield product.search_text()


@dataclass(frozen=True, slots=True)
class _Told:
    """A product's record of `items_ins_v2`: its attributes, an instruction and what it names."""

    attributes: list[str] | None = None
    instruction: str = ""
    wanted: Sequence[str] = ()


def _attributes(row: Any, made: _Made) -> _Told:
    """Read a record of attributes; one that cannot be read is counted, and is none."""
    if row is None:
        return _Told()
    try:
        listed, wanted = row.get("attributes"), row.get("instruction_attributes")
        told = _Told(
            None if listed is None else _strings(listed),
            str(row.get("instruction") or ""),
            _strings(wanted or []),
        )
        _compact([told.attributes, told.instruction, told.wanted]).encode()
    except (AttributeError, TypeError, UnicodeEncodeError):
        made.skipped["an unreadable record of attributes"] += 1
        return _Told()
    return told


def _strings(values: Any) -> list[str]:
    if not isinstance(values, list):
        raise TypeError("no list")
    return list(map(str, values))


def _human(product: Product, number: int, instructions: Any, made: _Made, blob: _Blob) -> None:
    """People's instructions for a product."""
    for count, told in enumerate(instructions if isinstance(instructions, list) else [None]):
        try:
            text, attributes = str(told["instruction"]), _strings(told["instruction_attributes"])
            options = _strings(told["instruction_options"])
            line = _compact([number, count, text, attributes, options])
            line.encode()
        except (TypeError, KeyError, UnicodeEncodeError):
            made.skipped["an unreadable human instruction"] += 1
            continue
        if not attributes:
            made.skipped["a human instruction without attributes"] += 1
            continue
        blob.add(line)


def _synthetic(product: Product, number: int, told: _Told, made: _Made, blob: _Blob) -> None:
    """The instruction that is asked with each combination of a product's options."""
    if not told.instruction or not told.wanted:
        return
    count = combinations(product)
    if count > _MOST_COMBINATIONS:
        made.skipped[f"an instruction with over {_MOST_COMBINATIONS:,} combinations"] += 1
        return
    blob.add(_compact([number, told.instruction, told.wanted]))
    made.combinations.append(count)


def _compact(row: Sequence[Any]) -> str:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"))


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    iterator = iter(texts)
    while batch := list(islice(iterator, _BLOCK)):
        yield batch


def _analyse(
    batches: Iterator[list[str]], scratch: Path, processes: int, progress: Callable[[int], None]
) -> list[Path]:
    """Analyse batches in processes, and keep their postings in files."""
    written: list[Path] = []
    done = 0
    first = next(batches, [])
    second = next(batches, None)
    if second is None:
        progress(len(first))
        return [_write_block(first, scratch / "0.npz")]
    # Spawned, not forked: the caller may have threads.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        waiting: deque[tuple[Future[Path], int]] = deque()
        for number, batch in enumerate(chain((first, second), batches)):
            path = scratch / f"{number}.npz"
            waiting.append((pool.submit(_write_block, batch, path), len(batch)))
            if len(waiting) >= processes * _AHEAD:
                future, size = waiting.popleft()
                written.append(future.result())
                done += size
                progress(done)
        for future, size in waiting:
            written.append(future.result())
            done += size
            progress(done)
    return written


def _write_block(texts: list[str], path: Path) -> Path:
    part = block(texts)
    np.savez(
        path,
        totals=np.array([part.size, part.terms]),
        keys=part.keys,
        counts=part.counts,
        documents=part.documents,
        codes=part.codes,
    )
    return path


def _load(path: Path) -> Block:
    with np.load(path) as part:
        size, terms = (int(total) for total in part["totals"])
        return Block(size, terms, part["keys"], part["counts"], part["documents"], part["codes"])


def _arrays(
    made: _Made,
    blobs: Mapping[str, _Blob],
    blocks: Callable[[], Iterable[Block]],
    allocate: Allocate,
) -> dict[str, Array]:
    if not made.ids:
        raise DataError("the catalogue holds no product that can be used")
    arrays = merge(blocks, made.ids, allocate)

    def put(name: str, values: Array) -> None:
        arrays[name] = allocate(name, len(values), values.dtype)
        arrays[name][:] = values

    for name, blob in blobs.items():
        put(name, blob.array())
        put(f"{name}_starts", np.array(blob.starts, np.int64))
    ids = np.array([asin.encode() for asin in made.ids])
    order = np.argsort(ids)
    put("asins", ids[order])
    put("places", order.astype(np.int32))
    put("combinations", np.cumsum(np.array(made.combinations, np.int64)))
    put("human_order", _order(len(blobs["human"].starts) - 1))
    put("synthetic_order", _order(sum(made.combinations)))
    return arrays


def _order(goals: int) -> Array:
    """The order of goals, in as little room as it takes."""
    return np.array(shuffled(goals), np.int32 if goals < 1 << 31 else np.int64)


def _manifest(source: Source, made: _Made, arrays: Mapping[str, Array]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "made_by": __version__,
        "source": source.name,
        "products": len(made.ids),
        "goals": {
            "human": len(arrays["human_order"]), "synthetic": len(arrays["synthetic_order"]),
        },
        "skipped": dict(made.skipped),
        "sha256": made.hash.hexdigest(),
    }  # fmt: skip
