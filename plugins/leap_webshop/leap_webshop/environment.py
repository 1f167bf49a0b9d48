"""WebShop as an environment of LEAP: a generated or the official catalogue."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any, ClassVar, Literal

from leap_core import (
    ConfigError,
    DataError,
    Environment,
    EnvironmentFailure,
    Layout,
    LazyTasks,
    ScriptedExpert,
    ScriptedPolicy,
    Task,
    Trajectory,
    unknown,
)
from leap_webshop import __version__
from leap_webshop.appraiser import Appraiser
from leap_webshop.catalogue import Catalogue, is_store, open_store
from leap_webshop.demonstrations import demonstrate
from leap_webshop.episode import WebshopEpisode
from leap_webshop.expert import Expert
from leap_webshop.goals import Goal, price_of
from leap_webshop.layout import LAYOUT
from leap_webshop.nouns import noun_rule
from leap_webshop.options import DATA_VARIABLE, WebshopOptions
from leap_webshop.product import Product
from leap_webshop.session import Session
from leap_webshop.shopper import Shopper
from leap_webshop.splits import GENERATED, OFFICIAL, Ranges, split_range

PRODUCTS = 500
"""How many products a generated catalogue has unless the options say otherwise."""
_COMPILED_FROM = 200_000_000
"""Bytes of official products from which on they must be compiled first."""


@lru_cache(maxsize=4)
def generated_catalogue(size: Literal["small", "full"], products: int, seed: int) -> Catalogue:
    """A generated catalogue, shared by all environments of this process."""
    from leap_webshop.compiling import compile_in_memory
    from leap_webshop.generator import Generator

    return compile_in_memory(Generator(size, seed).source(products))


class WebshopEnvironment(Environment):
    """Shopping by an instruction: search, compare, choose options, buy."""

    Options = WebshopOptions
    horizon: ClassVar[int] = 30
    task_types: ClassVar[Sequence[str]] = ("beauty", "electronics", "fashion", "garden", "grocery")
    guidance: ClassVar[str] = (
        "Search with the words for the thing and what it must be like, without the price and "
        "without filler words. Open the product whose title and price fit best, choose every "
        "option that the instruction names, then buy. A purchase is scored by the share of wanted "
        "attributes and options that it has and by its price, and counts only if it is the right "
        "kind of thing. A product whose price is above the limit, or whose options lack what is "
        "asked, is left by '< prev' or 'back to search'. Correct few, decisive steps: a "
        "sub-optimal purchase is worth more than going back and forth until the steps run out, so "
        "once a product is good enough, options are chosen and it is bought. On the search page "
        "a correction is written search[words]."
    )

    options: WebshopOptions

    def __reduce__(self) -> tuple[object, ...]:
        return (WebshopEnvironment, (self.options, self.context))

    # -- tasks --------------------------------------------------------------------------------

    @cached_property
    def catalogue(self) -> Catalogue:
        """The products, their index and the goals.

        Raises:
            DataError: official files are missing or unusable.
        """
        options = self.options
        if options.catalogue != "official":
            return generated_catalogue(
                options.catalogue, options.products or PRODUCTS, options.seed
            )
        from leap_webshop.compiling import compile_in_memory, files_source
        from leap_webshop.files import find_files

        folder = self._data_dir()
        if is_store(folder):
            if options.products is not None:
                raise ConfigError(
                    f"'{folder}' is a compiled catalogue, whole as it is: drop the option "
                    "'products', or compile one with --products"
                )
            return open_store(folder)
        files = find_files(folder)
        size = files.items.stat().st_size
        if size > _COMPILED_FROM:
            raise DataError(
                f"'{files.items}' is large ({size / 1e9:.1f} GB): compile it once with "
                f"'leap webshop compile {folder} STORE', and set data_dir to STORE"
            )
        return compile_in_memory(files_source(files), options.products)

    def _data_dir(self) -> Path:
        folder = self.options.data_dir or os.environ.get(DATA_VARIABLE)
        if not folder:
            raise DataError(
                "the official catalogue needs its folder: set the option 'data_dir' or the "
                f"environment variable {DATA_VARIABLE}; 'leap data webshop FOLDER' fetches it"
            )
        return Path(folder)

    def splits(self) -> Sequence[str]:
        """Names of the splits."""
        return tuple(self._ranges())

    def _ranges(self) -> Ranges:
        if self.options.splits:
            return self.options.splits
        return OFFICIAL if self.options.catalogue == "official" else GENERATED

    def tasks(self, split: str) -> Sequence[Task]:
        """The tasks of a split, in upstream's order of goals."""
        ranges = self._ranges()
        if split not in ranges:
            raise ConfigError(unknown("split", split, ranges))
        places = split_range(ranges, split, self.catalogue.goals(self.options.goals))
        return LazyTasks(len(places), partial(self._task, split, places))

    def _task(self, split: str, places: range, index: int) -> Task:
        place = places[index]
        goal = self.goal_at(place)
        return Task(
            id=f"{self._prefix()}/{place}",
            split=split,
            goal=goal.instruction,
            task_type=goal.category,
            data={"goal": place},
        )

    def _prefix(self) -> str:
        options = self.options
        if options.catalogue == "official":
            name = "official" if options.products is None else f"official-{options.products}"
            name += f"-s{options.seed}" if options.seed else ""
        else:
            name = f"{options.catalogue}-{options.products or PRODUCTS}-s{options.seed}"
        return f"{name}/{options.goals}"

    def goal_at(self, place: int) -> Goal:
        """The goal at a place of upstream's order."""
        return self.catalogue.goal(self.options.goals, place, self.options.seed)

    def goal(self, task: Task) -> Goal:
        """The goal of a task.

        Raises:
            EnvironmentFailure: the task is none of this catalogue's.
        """
        try:
            found = self.goal_at(int(task.data["goal"]))
        except (KeyError, IndexError, ValueError, TypeError):
            raise EnvironmentFailure(f"task '{task.id}' is none of this catalogue's") from None
        if found.instruction != task.goal:
            raise EnvironmentFailure(
                f"task '{task.id}' says something else than this catalogue: other products, or "
                "another seed"
            )
        return found

    # -- play ---------------------------------------------------------------------------------

    def open(self, task: Task, seed: int) -> WebshopEpisode:
        """Open a visit. The seed changes only which of many options are listed."""
        goal = self.goal(task)
        return WebshopEpisode(lambda: self.visit(goal), self.options, f"{seed} {task.id}")

    def visit(self, goal: Goal) -> Session:
        """A new visit to the store."""
        options = self.options
        return Session(
            self.catalogue, goal, self.price, noun_rule(options.nouns), options.show_attributes
        )

    def price(self, product: Product) -> float:
        """What a product costs."""
        return price_of(product, self.options.seed)

    def layout(self) -> Layout:
        """Observation, then the actions."""
        return LAYOUT

    # -- teaching -------------------------------------------------------------------------------

    def demonstration_kinds(self) -> Sequence[str]:
        """ "expert" knows the goal; "shopper" sees what a student sees."""
        return ("expert", "shopper")

    def demonstrate(self, task: Task, kind: str) -> Trajectory:
        """One demonstration; the shopper's may be a poor purchase."""
        return demonstrate(self, Appraiser(self, self.goal(task)), task, kind)

    def expert(self) -> ScriptedExpert:
        """The scripted privileged expert, for levels 1 to 5."""
        return Expert()

    def scripted_policies(self) -> Sequence[str]:
        """The shopper."""
        return ("shopper",)

    def scripted_policy(self, name: str) -> ScriptedPolicy | None:
        """The unprivileged shopper, or None."""
        return Shopper() if name == "shopper" else None

    def labelled_reasons(self) -> Path | None:
        """Reasons in generated worlds, told apart into leaks and honest ones."""
        return Path(__file__).parent / "audit" / "webshop.jsonl"

    def fingerprint(self) -> Mapping[str, Any]:
        """Catalogue, noun rule, and what else scores depend on."""
        options, manifest = self.options, self.catalogue.manifest
        return {
            "environment": "webshop",
            "version": __version__,
            "catalogue": options.catalogue,
            "source": manifest["source"],
            "products": manifest["products"],
            "skipped": manifest["skipped"],
            "sha256": manifest["sha256"],
            "goals": options.goals,
            "splits": {name: list(ends) for name, ends in self._ranges().items()},
            "seed": options.seed,
            "noun_rule": options.nouns,
            "observation": options.observation,
            "repeat_instruction": options.repeat_instruction,
            "item_names": options.item_names,
            "most_candidates": options.most_candidates,
        }
