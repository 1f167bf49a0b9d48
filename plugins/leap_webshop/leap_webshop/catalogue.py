"""A catalogue: products, their index and the goals, in arrays in memory or mapped from a store.

A store is a folder of `.npy` arrays and a manifest. Processes that open the same store share its
pages through the operating system; opening it reads almost nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from leap_core import DataError
from leap_webshop.goals import Goal, human_goal, synthetic_goal
from leap_webshop.index import Index
from leap_webshop.product import Product

Array = npt.NDArray[Any]
MANIFEST = "webshop-store.json"
FORMAT = 1
RESULTS = 50
"""How many products a search finds at most."""
KINDS = ("human", "synthetic")
BLOBS = ("products", "human", "synthetic")
NAMES = (
    *Index.NAMES,
    *(name for blob in BLOBS for name in (blob, f"{blob}_starts")),
    "asins",
    "places",
    "combinations",
    *(f"{kind}_order" for kind in KINDS),
)
"""The arrays of a catalogue."""


class Catalogue:
    """Everything that episodes of one catalogue share; never changed.

    Attributes:
        manifest: what it was made from: source, counts, what was left out, a fingerprint.
    """

    def __init__(self, arrays: Mapping[str, Array], manifest: Mapping[str, Any]) -> None:
        self._arrays = arrays
        self.manifest = manifest
        self.index = Index(arrays)
        self.search = lru_cache(maxsize=8192)(self._search)
        self.at = lru_cache(maxsize=8192)(self._at)

    def __len__(self) -> int:
        return len(self._arrays["places"])

    def _search(self, query: str) -> tuple[int, ...]:
        """Numbers of the (at most 50) best products for a query, best first."""
        return tuple(self.index.search(query, RESULTS))

    def _at(self, number: int) -> Product:
        """The product of a number."""
        return Product.from_json(self._line("products", number))

    def product(self, asin: str) -> Product | None:
        """The product of an id, or None."""
        asins = self._arrays["asins"]
        key = np.array(asin.encode(), asins.dtype)
        place = int(np.searchsorted(asins, key))
        if place == len(asins) or asins[place] != key:
            return None
        return self.at(int(self._arrays["places"][place]))

    def goals(self, kind: str) -> int:
        """How many goals of a kind there are: "human" or "synthetic"."""
        return len(self._arrays[f"{kind}_order"])

    def goal(self, kind: str, place: int, seed: int) -> Goal:
        """The goal at a place of upstream's order; `seed` is that of prices and limits."""
        number = int(self._arrays[f"{kind}_order"][place])
        if kind == "human":
            product, count, text, attributes, options = json.loads(self._line("human", number))
            return human_goal(self.at(product), count, text, attributes, options, seed)
        ends = self._arrays["combinations"]
        row = int(np.searchsorted(ends, number, side="right"))
        product, text, attributes = json.loads(self._line("synthetic", row))
        first = int(ends[row - 1]) if row else 0
        return synthetic_goal(self.at(product), number - first, text, attributes, seed)

    def _line(self, blob: str, number: int) -> bytes:
        starts = self._arrays[f"{blob}_starts"]
        return self._arrays[blob][int(starts[number]) : int(starts[number + 1])].tobytes()


def is_store(folder: Path) -> bool:
    """Whether a folder holds a compiled catalogue."""
    return (folder / MANIFEST).is_file()


def open_store(folder: Path) -> Catalogue:
    """Open a compiled catalogue without reading it.

    Raises:
        DataError: it is missing, torn, or of another version.
    """
    path = folder / MANIFEST
    again = f"compile it again: leap webshop compile SOURCE {folder}"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        version, sizes = manifest["format"], manifest["sizes"]
    except FileNotFoundError:
        raise DataError(f"'{folder}' holds no compiled catalogue ({MANIFEST} is missing)") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"'{path}' cannot be read ({error!r}); {again}") from None
    if version != FORMAT:
        raise DataError(
            f"the catalogue in '{folder}' has format {version}, and this version of leap-webshop "
            f"reads {FORMAT}; {again}"
        )
    arrays = {}
    for name in NAMES:
        file = folder / f"{name}.npy"
        try:
            if file.stat().st_size != sizes[name]:
                raise DataError(f"'{file}' is torn: not the size that it was written with; {again}")
            arrays[name] = np.load(file, mmap_mode="r" if sizes[name] > 1 << 12 else None)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"'{file}' cannot be read ({error}); {again}") from None
    return Catalogue(arrays, manifest)
