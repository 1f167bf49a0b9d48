"""The environment: tasks, candidates, episodes, options."""

from __future__ import annotations

import pickle
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from leap_core import ConfigError, DataError, EnvironmentFailure, Task
from leap_core.plugins.manager import discover
from leap_core.plugins.registry import build_options
from leap_webshop.environment import WebshopEnvironment, WebshopOptions


def test_the_plugin_registers_what_it_should() -> None:
    (info,) = [info for info in discover().infos if info.name == "webshop"]
    assert (info.package, info.state) == ("leap-webshop", "loaded"), info.reason
    assert info.gives == {
        "environments": ("webshop",),
        "privileged sources": ("webshop-goal",),
        "commands": ("webshop",),
    }


def test_splits_share_no_task_and_stay_the_same(embedded):
    ids = {split: [t.id for t in embedded.tasks(split)] for split in embedded.splits()}
    assert {split: len(found) for split, found in ids.items()} == {
        "train": 1600, "valid": 200, "test": 200,
    }  # fmt: skip
    assert len({i for found in ids.values() for i in found}) == 2000
    again = WebshopEnvironment(WebshopOptions())
    assert list(again.tasks("valid")) == list(embedded.tasks("valid"))
    assert embedded.tasks("test")[-1] == embedded.tasks("test")[199]
    assert embedded.tasks("test")[3:5] == [embedded.tasks("test")[i] for i in (3, 4)]
    with pytest.raises(IndexError):
        embedded.tasks("test")[200]
    assert {t.task_type for t in embedded.tasks("test")} == set(embedded.task_types)


def test_another_seed_is_another_catalogue(embedded):
    other = WebshopEnvironment(WebshopOptions(seed=1))
    assert other.tasks("test")[0].id != embedded.tasks("test")[0].id
    assert other.catalogue.at(0) != embedded.catalogue.at(0)
    with pytest.raises(EnvironmentFailure, match="something else"):
        other.open(embedded.tasks("test")[0], 0)
    with pytest.raises(EnvironmentFailure, match="none of this"):
        embedded.open(Task(id="x", split="test", goal="", task_type="", data={"goal": 10**9}), 0)


def test_an_unknown_split_is_refused(embedded):
    with pytest.raises(ConfigError, match="did you mean 'valid'"):
        embedded.tasks("vali")


@pytest.mark.parametrize(
    "options",
    [
        {"catalog": "small"}, {"catalogue": "large"}, {"products": 0}, {"nouns": "spacy"},
        {"splits": {"train": [5, 5]}}, {"splits": {"train": [-1, None]}}, {"data_dir": "x"},
        {"most_candidates": 3},
    ],
)  # fmt: skip
def test_options_that_do_not_fit_are_refused(options):
    with pytest.raises(ConfigError):
        build_options(WebshopEnvironment, options, "environment.options")
    with pytest.raises(ValidationError):
        WebshopOptions(**options)


def test_explicit_splits(embedded):
    options = WebshopOptions(splits={"one": (0, 1), "rest": (1, None)}, products=30)
    environment = WebshopEnvironment(options)
    assert [len(environment.tasks(s)) for s in environment.splits()] == [1, 119]
    with pytest.raises(DataError, match="only 120"):
        WebshopEnvironment(WebshopOptions(splits={"one": (0, 500)}, products=30)).tasks("one")


def test_official_data_must_be_named(monkeypatch):
    monkeypatch.delenv("WEBSHOP_DATA", raising=False)
    with pytest.raises(DataError, match="leap data webshop"):
        WebshopEnvironment(WebshopOptions(catalogue="official")).tasks("test")


def test_candidates_name_products_by_their_titles(embedded):
    episode = embedded.open(embedded.tasks("test")[0], 0)
    first = episode.reset()
    assert (first.candidates, first.templates) == ((), ("search[<search query>]",))
    shown = episode.step("search[dried fruit]").observation
    assert shown.candidates[:2] == ("click[back to search]", "click[next >]")
    titles = [p.title for p in episode.session.shown()]
    assert shown.candidates[2:] == tuple(f"click[item - {t.lower()}]" for t in titles)
    opened = episode.step(f"click[Item - {titles[1].upper()}]").observation
    assert titles[1] in opened.text
    assert "click[buy now]" in opened.candidates


def test_products_of_one_title_are_told_apart(by_hand, monkeypatch):
    from leap_webshop.compiling import compile_in_memory

    twins = [by_hand.record(f"B00000000{i}", "Red Cup", query="cup") for i in range(3)]
    made = compile_in_memory(by_hand.source([*twins, by_hand.records[0]]))
    environment = WebshopEnvironment(WebshopOptions(splits={"all": (0, None)}))
    monkeypatch.setattr(WebshopEnvironment, "catalogue", made)
    episode = environment.open(environment.tasks("all")[0], 0)
    shown = episode.step("search[red cup]").observation.candidates[2:5]
    assert shown == (
        "click[item - red cup]",
        "click[item - red cup (b000000001)]",
        "click[item - red cup (b000000002)]",
    )
    episode.step(shown[2])
    assert episode.session.asin == "B000000002"


def test_long_lists_are_cut_once_and_what_is_left_out_still_works(by_hand, monkeypatch):
    from leap_webshop.compiling import compile_in_memory

    sizes = {"size": [{"value": f"{i} inch"} for i in range(40)]}
    big = by_hand.record("B000000001", "Red Cup", customization_options=sizes)
    made = compile_in_memory(by_hand.source([big]))
    environment = WebshopEnvironment(WebshopOptions(splits={"all": (0, None)}))
    monkeypatch.setattr(WebshopEnvironment, "catalogue", made)
    task = environment.tasks("all")[0]

    def item_page(seed: int):
        episode = environment.open(task, seed)
        episode.step("search[cup]")
        return episode, episode.step("click[item - red cup]").observation

    episode, seen = item_page(0)
    assert len(seen.candidates) == 16
    assert seen.candidates[5] == "click[buy now]"
    assert seen.templates == ("click[<option on the page>]",)
    assert item_page(0)[1] == seen
    assert item_page(1)[1].candidates != seen.candidates
    values = [f"{i} inch" for i in range(40)]
    hidden = next(value for value in values if f"click[{value}]" not in seen.candidates)
    assert seen.accepts(f"click[{hidden}]")
    episode.step(f"click[{hidden}]")
    assert episode.session.options == {"size": hidden}


def test_the_end_of_an_episode(embedded):
    task = embedded.tasks("test")[0]
    episode = embedded.open(task, 0)
    for action in ("search[dried fruit]", episode_first(episode, "search[dried fruit]")):
        episode.step(action)
    done = episode.step("click[buy now]")
    assert done.terminated
    assert 0 <= done.reward == done.score <= 1
    assert done.success == (done.reward == 1)
    assert {"r_type", "r_att", "r_option", "r_price", "noun_rule"} <= set(done.info)
    with pytest.raises(EnvironmentFailure, match="over"):
        episode.step("click[buy now]")
    assert "WebShop" in episode.reset().text
    assert not episode.step("click[buy now]").terminated


def episode_first(episode, search):
    """The action that opens the first product of a search; the episode starts over."""
    episode.step(search)
    action = next(c for c in episode._observe().candidates if c.startswith("click[item"))
    episode.reset()
    return action


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 199), st.lists(st.text(max_size=30), max_size=6), st.integers(0, 2**32))
def test_nothing_that_is_written_ends_in_an_exception(embedded, place, texts, seed):
    rng = random.Random(seed)
    episode = embedded.open(embedded.tasks("test")[place], 0)
    seen = episode.reset()
    for text in texts:
        listed = [*seen.candidates, f"search[{text}]", f"click[{text}]", text]
        done = episode.step(rng.choice(listed))
        seen = done.observation
        if done.terminated:
            break


def test_pages_may_leave_the_instruction_out(embedded):
    environment = WebshopEnvironment(WebshopOptions(repeat_instruction=False))
    task = environment.tasks("test")[0]
    episode = environment.open(task, 0)
    assert task.goal in episode.reset().text
    assert task.goal not in episode.step("search[mug]").observation.text
    full = embedded.open(embedded.tasks("test")[0], 0)
    assert task.goal in full.step("search[mug]").observation.text


def test_an_environment_travels_between_processes(embedded):
    copy = pickle.loads(pickle.dumps(embedded))
    assert copy.options == embedded.options
    assert copy.fingerprint() == embedded.fingerprint()
    assert copy.fingerprint()["noun_rule"] == "builtin"


def test_many_episodes_share_one_catalogue(embedded):
    tasks = embedded.tasks("train")[:500]
    episodes = [embedded.open(task, 0) for task in tasks]
    for episode, task in zip(episodes, tasks, strict=True):
        episode.step(f"search[{task.goal}]")
    assert all(episode.session.catalogue is embedded.catalogue for episode in episodes)
    for episode in episodes:
        episode.step("click[next >]")
        assert "Page 2" in episode.session.page.text()
