"""Options of the environment, as a configuration gives them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from leap_core import Section
from leap_webshop.generator import LARGEST
from leap_webshop.nouns import NounRule

DATA_VARIABLE = "WEBSHOP_DATA"


class WebshopOptions(Section):
    """Options of the environment.

    Attributes:
        catalogue: "small" (generated, short pages, for tiny students), "full" (generated, pages as
            long as official ones) or "official" (upstream's files or a compiled store).
        data_dir: folder of the official files or of a compiled store; else the environment
            variable WEBSHOP_DATA.
        products: how many products; of official files, the first so many (null: all).
        goals: people's instructions, or the synthetic ones made from attributes and options.
        splits: from which to which goal each split goes, in upstream's order; null is the end.
        seed: of the generated catalogue, and of prices and price limits.
        nouns: the noun rule of the reward: "builtin", "every", or spaCy's model "spacy-sm", "-md",
            "-lg" (needs the extra). Recorded with every score.
        observation: "text_rich" marks what can be clicked; "text" joins everything by [SEP].
        repeat_instruction: every page repeats the instruction, as upstream's do; else only the
            search page tells it.
        item_names: products are listed as `click[item - TITLE]`, as the paper's agent saw them;
            else as `click[ASIN]`.
        most_candidates: longer lists of clicks are cut, as the paper's agent saw them: the first
            six and ten of the others, by lot. Null: never.
        show_attributes: products have a page of their attributes.
    """

    catalogue: Literal["small", "full", "official"] = "small"
    data_dir: Path | None = None
    products: int | None = Field(None, gt=0, le=LARGEST)
    goals: Literal["human", "synthetic"] = "human"
    splits: dict[str, tuple[int, int | None]] = Field(default_factory=dict)
    seed: int = 0
    nouns: NounRule = "builtin"
    observation: Literal["text_rich", "text"] = "text_rich"
    repeat_instruction: bool = True
    item_names: bool = True
    most_candidates: int | None = Field(20, ge=16)
    show_attributes: bool = False

    @field_validator("splits")
    @classmethod
    def _ranges(
        cls, splits: dict[str, tuple[int, int | None]]
    ) -> dict[str, tuple[int, int | None]]:
        for name, (start, stop) in splits.items():
            if start < 0 or (stop is not None and stop <= start):
                raise ValueError(f"split '{name}' needs [FROM, TO] with 0 <= FROM < TO, or TO null")
        return splits

    @model_validator(mode="after")
    def _data_dir_is_used(self) -> WebshopOptions:
        if self.data_dir is not None and self.catalogue != "official":
            raise ValueError("data_dir is only used with catalogue: official")
        return self
