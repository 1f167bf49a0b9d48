import pytest

from leap_core import Observation, Step, Task, Trajectory
from leap_core.correction import find_leaks, history_text, leak_score

HISTORY = "You see a fridge 1, a cabinet 11, a desk 1. Your task is: put a mug on the desk."


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Take mug 2 now.", "mug 2"),
        ("Take the MUG2 now.", "mug 2"),
        ("Take the second mug.", "mug 2"),
        ("Take mug number two.", "mug 2"),
        ("Take mug #2.", "mug 2"),
        ("Look in Cabinet  1.", "cabinet 1"),
        ("run find /tmp -name '*.php'", "find /tmp -name '*.php'"),
    ],
)
def test_a_secret_is_found_however_it_is_written(text, secret):
    assert leak_score(text, [secret], HISTORY) == 1.0


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Mugs are often kept in a fridge 1.", "mug 2"),
        ("Look in cabinet 12.", "cabinet 1"),
        ("Go to fridge 1.", "fridge 1"),
        ("anything", ""),
        ("", "mug 2"),
    ],
)
def test_what_the_history_holds_or_the_text_does_not_say_is_no_leak(text, secret):
    assert leak_score(text, [secret], HISTORY) == 0.0


def test_a_paraphrase_of_a_long_secret_scores_between():
    secret = "Acme stainless steel travel mug with bamboo lid, 16 oz"
    text = "I should pick the steel travel mug by Acme, the stainless one with a bamboo lid."
    assert 0.5 < leak_score(text, [secret], HISTORY) < 1.0


def test_history_holds_what_was_seen_and_done_but_not_what_was_imagined():
    steps = (
        Step(
            observation=Observation(text="first", candidates=("a", "b")),
            reason="I imagine",
            action="a",
        ),
        Step(
            observation=Observation(text="second", candidates=("c",)),
            reason="I imagine",
            action="c",
        ),
        Step(observation=Observation(text="third"), reason="I imagine", action="d"),
    )
    text = history_text(Trajectory(task=Task(id="t", split="train", goal="goal"), steps=steps), 1)
    assert text.split("\n") == ["goal", "first", "a", "second", "c"]


@pytest.mark.parametrize(
    "text",
    [
        "The mug is in cabinet 2.",
        "I know the mug lies in the cabinet 2, so I go there.",
        "Cabinet 2 holds the mug.",
        "There is a mug inside cabinet two!",
        "I take the mug from cabinet 2.",
        "I need a mug. It is in the cabinet 2, so I go there.",
        "I want the mug, and it is on cabinet 2.",
    ],
)
def test_a_statement_is_found_in_other_words(text):
    history = "You see a cabinet 1, a cabinet 2. Your task is to: clean a mug."
    leaks = find_leaks(text, ["mug is in cabinet 2"], history)
    assert [leak.how for leak in leaks] in (["statement"], ["outright"])
    assert leak_score(text, ["mug is in cabinet 2"], f"{history}\nOn the cabinet 2, a mug 1.") == 0


@pytest.mark.parametrize(
    "text",
    [
        "I need a mug. I look in cabinet 2, where mugs are often kept.",
        "I have not found a mug yet, so I check cabinet 2.",
        "A mug may be in cabinet 2.",
        "I look for a mug in cabinet 2.",
        "Mugs are usually in cabinets such as cabinet 2.",
        "I go to cabinet 2 and open it to see whether a mug is in it.",
        "I need a mug. It may be in cabinet 2.",
        "I have no mug. It is worth a look in cabinet 2.",
        "Cabinet 2 was not opened yet. It is in the list.",
    ],
)
def test_an_honest_search_is_no_statement(text):
    history = "You see a cabinet 1, a cabinet 2. Your task is to: clean a mug."
    assert leak_score(text, ["mug is in cabinet 2", "mug 1"], history) == 0.0


@pytest.mark.parametrize("text", ["The hidden state says so.", "By privileged information: go."])
def test_speaking_of_privilege_is_a_leak_in_itself(text):
    assert leak_score(text, [], "You see a desk 1.") == 1.0
    assert leak_score(text, [], f"You see a note: {text}") == 0.0


def test_a_bare_small_number_is_weak_evidence():
    assert 0 < leak_score("I found 42 rows.", ["42"], "") < 0.5


def test_the_worst_leak_comes_first():
    leaks = find_leaks("mug 2 is in cabinet 1; 7", ["7", "mug 2", "mug is on shelf 1"], "")
    assert [leak.secret for leak in leaks] == ["mug 2", "7"]
