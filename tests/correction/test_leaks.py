import pytest

from leap_core import Observation, Step, Task, Trajectory
from leap_core.correction import history_text, leak_score

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
        Step(Observation("first", ("a", "b")), "I imagine", "a"),
        Step(Observation("second", ("c",)), "I imagine", "c"),
        Step(Observation("third"), "I imagine", "d"),
    )
    text = history_text(Trajectory(Task("t", "train", "goal"), steps), 1)
    assert text.split("\n") == ["goal", "first", "a", "second", "c"]
