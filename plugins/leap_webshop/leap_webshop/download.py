"""The official files: pinned addresses and checksums."""

from __future__ import annotations

from leap_core import PinnedFile

# Upstream's own copies are on Google Drive, which serves large files to browsers only. This mirror
# holds the same bytes; sizes and checksums are those of upstream's files.
_MIRROR = (
    "https://huggingface.co/datasets/YWZBrandon/webshop-data/resolve/"
    "ce990fff5aee388db2706f07820c578ab68e0453"
)


def _file(name: str, size: int, sha256: str) -> PinnedFile:
    return PinnedFile(name, f"{_MIRROR}/{name}", size, sha256)


HUMAN = _file(
    "items_human_ins.json",
    5_137_548,
    "cf78667548a71786e1d9049c24b802e48e1084ad4bb021cae56ce1f6d96954a3",
)
SMALL = (
    _file(
        "items_shuffle_1000.json",
        4_467_013,
        "30a4765c3a327af72d9a9a95a6b2486d516f0fa1d3ecd83681901ce82a21b269",
    ),
    _file(
        "items_ins_v2_1000.json",
        147_099,
        "f88a36314a397b53b3d9c3fa5878e5f7b26d35019a51ec83fbedeca61a948f6f",
    ),
    HUMAN,
)
"""The first 1,000 products."""
FULL = (
    _file(
        "items_shuffle.json",
        5_479_720_229,
        "2ef591d65df3af89e972ab72468eb82cbf124d876552d9f3678667edd620a6c8",
    ),
    _file(
        "items_ins_v2.json",
        186_295_270,
        "1d36af476bdb8f82a5da62bd8acdabe54cd8de2fa84010d37da5c4890feb447e",
    ),
    HUMAN,
)
"""All 1,181,430 products."""
