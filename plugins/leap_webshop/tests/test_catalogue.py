"""Reading upstream's files, and the compiled store."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leap_core import ConfigError, DataError
from leap_webshop import compiling
from leap_webshop.catalogue import MANIFEST, is_store, open_store
from leap_webshop.compiling import compile_in_memory, compile_store, files_source
from leap_webshop.environment import WebshopEnvironment, WebshopOptions
from leap_webshop.files import find_files, read_list, read_mapping
from leap_webshop.generator import Generator
from leap_webshop.goals import NO_LIMIT, combined, price_limit, price_of, shuffled
from leap_webshop.product import Product, UnusableRecord, read_product


@pytest.fixture
def data(tmp_path: Path, by_hand) -> Path:
    """The three files of that catalogue."""
    folder = tmp_path / "data"
    folder.mkdir()
    for name, content in (
        ("items_shuffle_1000.json", by_hand.records),
        ("items_ins_v2_1000.json", by_hand.attributes),
        ("items_human_ins.json", by_hand.human),
    ):
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    return folder


# -- records ------------------------------------------------------------------------------------


def test_a_record_is_read_as_upstream_reads_it(catalogue):
    mug = catalogue.product("B000000001")
    assert mug.options == {"color": ("red | blue", "green")}
    assert (mug.pricing, mug.price_tag) == ((10.0, 20.0), "$10.0 to $20.0")
    assert mug.query == "coffee mug"
    plain = catalogue.product("B000000002")
    assert (plain.pricing, plain.price_tag, plain.options) == ((100.0,), "$100.0", {})
    assert plain.attributes == ("DUMMY_ATTR",)
    assert mug.search_text() == (
        "blue steel mug all about blue steel mug. first bullet color: red | blue, green"
    )
    assert catalogue.product("B999999999") is None


@pytest.mark.parametrize(
    "changes",
    [
        {"images": []}, {"images": None}, {"small_description": []}, {"small_description": None},
        {"small_description": "one text"}, {"pricing": None}, {"customization_options": None},
        {"customization_options": {"size": None}}, {"full_description": None}, {"name": ""},
    ],
)  # fmt: skip
def test_what_is_missing_does_not_matter(by_hand, changes):
    row = by_hand.record("B000000009", "Cup") | changes
    made = compile_in_memory(by_hand.source([row]))
    assert len(made) == 1
    assert Product.from_json(made.at(0).to_json()) == made.at(0)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (None, "no JSON object"),
        ({"asin": "nan"}, "no asin"),
        ({"asin": "B0000000011"}, "more than 10"),
        ({"name": None}, "no name"),
        ({"pricing": "about ten"}, "price"),
        ({"pricing": "$."}, "price"),
        ({"customization_options": {"color": ["red"]}}, "options"),
        ({"customization_options": "red"}, "options"),
    ],
)
def test_what_cannot_be_sold_is_left_out_and_counted(by_hand, changes, why):
    row = "text" if changes is None else by_hand.record("B1", "x") | changes
    with pytest.raises(UnusableRecord, match=why):
        read_product(row, None)
    made = compile_in_memory(by_hand.source([*by_hand.records, row, by_hand.records[0]]))
    assert len(made) == 3
    assert sum(made.manifest["skipped"].values()) == 3
    assert made.manifest["skipped"]["an asin that came before"] == 1
    assert made.manifest["skipped"]["a human instruction without attributes"] == 1


HALF = "\ud800"
"""Half of a surrogate pair: JSON can say it, UTF-8 cannot."""


@pytest.mark.parametrize(
    ("attributes", "human", "why"),
    [
        (5, [], "an unreadable record of attributes"),
        ({"attributes": 5}, [], "an unreadable record of attributes"),
        ({"attributes": [HALF]}, [], "an unreadable record of attributes"),
        ({"instruction": "Find me", "instruction_attributes": "ab"}, [], "an unreadable record"),
        (None, 5, "an unreadable human instruction"),
        (None, ["text"], "an unreadable human instruction"),
        (None, [{"instruction": "x", "instruction_attributes": ["a"]}], "an unreadable human"),
    ],
)
def test_a_product_is_sold_whatever_is_told_of_it(by_hand, attributes, human, why):
    row = by_hand.record("B000000009", "Cup")
    made = compile_in_memory(
        by_hand.source([row], {"B000000009": attributes}, {"B000000009": human})
    )
    assert made.at(0).attributes == ("DUMMY_ATTR",)
    assert [(name.startswith(why), n) for name, n in made.manifest["skipped"].items()] == [
        (True, 1)
    ]


def test_text_that_cannot_be_kept_is_left_out_and_counted(by_hand):
    rows = [
        by_hand.record("B1", f"Cup {HALF}"),
        by_hand.record(f"B{HALF}", "Cup"),
        *by_hand.records,
    ]
    told = by_hand.human["B000000001"][0]
    human = {"B000000001": [told, {**told, "instruction": HALF}]}
    made = compile_in_memory(by_hand.source(rows, human=human))
    assert len(made) == 3
    assert made.manifest["skipped"] == {
        "text that is no Unicode": 2, "an unreadable human instruction": 1,
    }  # fmt: skip


def test_endless_combinations_of_options_are_no_goals(by_hand):
    values = [{"value": str(i)} for i in range(50)]
    options = {f"option {i}": values for i in range(20)}
    row = by_hand.record("B000000001", "Mug", customization_options=options)
    made = compile_in_memory(by_hand.source([row]))
    assert made.manifest["goals"] == {"human": 1, "synthetic": 0}
    assert made.manifest["skipped"]["an instruction with over 1,000,000 combinations"] == 1


def test_a_catalogue_of_nothing_is_refused(by_hand):
    with pytest.raises(DataError, match="no product"):
        compile_in_memory(by_hand.source([]))


# -- files --------------------------------------------------------------------------------------


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(json_values, max_size=6), st.booleans())
def test_lists_are_read_as_the_json_module_reads_them(tmp_path_factory, values, ascii_only):
    path = tmp_path_factory.mktemp("json") / "items.json"
    path.write_text(json.dumps(values, indent=1, ensure_ascii=ascii_only), encoding="utf-8")
    assert list(read_list(path)) == values
    path.write_text(json.dumps({str(i): v for i, v in enumerate(values)}), encoding="utf-8")
    assert list(read_mapping(path)) == [(str(i), v) for i, v in enumerate(values)]


def test_a_file_of_many_windows_is_read_whole(tmp_path):
    values = [{"n": i, "text": "x" * 1000} for i in range(3000)]
    path = tmp_path / "items.json"
    path.write_text(json.dumps(values), encoding="utf-8")
    assert list(read_list(path)) == values


@pytest.mark.parametrize("content", ["", "{}", "[{}", '[{"a": 1}, {"b"', "[1, x]", b"[\xff]"])
def test_a_torn_file_is_named(tmp_path, content):
    path = tmp_path / "items.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=r"items\.json"):
        list(read_list(path))


def test_missing_files_are_named(tmp_path, data):
    for folder in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(DataError, match=folder.name):
            find_files(folder)
    (data / "items_ins_v2_1000.json").unlink()
    with pytest.raises(DataError, match="items_ins_v2_1000"):
        find_files(data)


def test_one_of_several_catalogues_must_be_named(data):
    (data / "items_shuffle.json").write_text("[]")
    with pytest.raises(DataError, match="several"):
        find_files(data)
    assert find_files(data, "items_shuffle_1000.json").human is not None


def test_official_files_make_an_environment(data):
    options = WebshopOptions(catalogue="official", data_dir=data, splits={"train": (0, None)})
    (task,) = WebshopEnvironment(options).tasks("train")
    assert task.goal.startswith("i want a mug that is dishwasher safe, and price lower than ")
    with pytest.raises(DataError, match="only 1; set the option 'splits'"):
        WebshopEnvironment(WebshopOptions(catalogue="official", data_dir=data)).tasks("test")


# -- goals --------------------------------------------------------------------------------------


def test_the_order_is_that_of_the_random_module_seeded_with_233():
    goals = list(range(6910))
    state = random.getstate()
    random.seed(233)
    random.shuffle(goals)
    random.setstate(state)
    assert list(shuffled(6910)) == goals


def test_synthetic_goals_run_through_all_combinations(catalogue):
    mug = catalogue.product("B000000001")
    assert [combined(mug, i) for i in range(2)] == [
        (("color", "red | blue"),), (("color", "green"),),
    ]  # fmt: skip
    goals = {catalogue.goal("synthetic", i, 0).instruction.split(", and")[0] for i in range(2)}
    assert goals == {
        "Find me dishwasher safe mug with color: red | blue",
        "Find me dishwasher safe mug with color: green",
    }


def test_prices_and_limits_never_change(catalogue):
    mug = catalogue.product("B000000001")
    assert price_of(mug, 0) == price_of(mug, 0) != price_of(mug, 1)
    assert 10 <= price_of(mug, 0) <= 20
    assert catalogue.goal("human", 0, 5) == catalogue.goal("human", 0, 5)


@given(st.floats(0, 2000), st.integers())
def test_a_limit_is_one_of_the_next_multiples_of_ten(price, seed):
    limit = price_limit(price, str(seed))
    if price >= 980:
        assert limit == NO_LIMIT
    else:
        assert limit % 10 == 0
        assert price < limit <= price + 40


# -- the store ----------------------------------------------------------------------------------


def test_a_store_holds_what_was_compiled(tmp_path):
    source = Generator("full", 2).source(300)
    memory, store = compile_in_memory(source), compile_store(source, tmp_path / "store")
    assert store.manifest["sha256"] == memory.manifest["sha256"]
    for kind in ("human", "synthetic"):
        assert store.goals(kind) == memory.goals(kind)
        assert all(store.goal(kind, i, 0) == memory.goal(kind, i, 0) for i in range(50))
    for i in range(300):
        assert store.at(i) == memory.at(i)
        assert store.search(store.at(i).title) == memory.search(memory.at(i).title)
    again = WebshopEnvironment(WebshopOptions(catalogue="official", data_dir=tmp_path / "store"))
    assert len(again.catalogue) == 300


@pytest.mark.slow
def test_several_processes_compile_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(compiling, "_BLOCK", 200)
    source = Generator("small", 2).source(900)
    store = compile_store(source, tmp_path / "store", processes=2)
    memory = compile_in_memory(source)
    for i in range(0, 900, 50):
        query = memory.goal("human", i, 0).instruction
        assert store.search(query) == memory.search(query)


def test_compiling_over_what_is_there_is_refused(by_hand, tmp_path):
    (tmp_path / "mine").write_text("x")
    with pytest.raises(ConfigError, match="not empty"):
        compile_store(by_hand.source(), tmp_path)


def test_a_broken_off_compilation_is_no_store(by_hand, tmp_path):
    def rows():
        yield by_hand.records[0]
        raise DataError("torn")

    source = by_hand.source()
    broken = type(source)("torn", rows, source.attributes, source.human)
    with pytest.raises(DataError, match="torn"):
        compile_store(broken, tmp_path / "store")
    assert not (tmp_path / "store").exists()
    compile_store(source, tmp_path / "store")
    assert is_store(tmp_path / "store")


def test_a_store_that_cannot_be_written_is_said(by_hand, tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(compiling, "_manifest", full)
    with pytest.raises(DataError, match="No space left"):
        compile_store(by_hand.source(), tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_a_damaged_store_says_so(by_hand, tmp_path):
    folder = tmp_path / "store"
    compile_store(by_hand.source(), folder)
    manifest = folder / MANIFEST
    good = manifest.read_text()
    manifest.write_text(good.replace('"format": 1', '"format": 99'))
    with pytest.raises(DataError, match="format 99"):
        open_store(folder)
    manifest.write_text(good[:40])
    with pytest.raises(DataError, match="cannot be read"):
        open_store(folder)
    manifest.write_text(good)
    data = (folder / "codes.npy").read_bytes()
    (folder / "codes.npy").write_bytes(data[:-1])
    with pytest.raises(DataError, match="torn"):
        open_store(folder)
    (folder / "codes.npy").unlink()
    with pytest.raises(DataError, match=r"codes\.npy"):
        open_store(folder)
    manifest.unlink()
    with pytest.raises(DataError, match="no compiled catalogue"):
        open_store(folder)


def test_files_compile_as_they_are_read(tmp_path, data):
    made = compile_store(files_source(find_files(data)), tmp_path / "store")
    assert len(made) == 3
    assert made.manifest["goals"] == {"human": 1, "synthetic": 2}
