import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leap_core import Fact, Observation, Step, Task, Trajectory
from leap_core.correction import History, find_leaks, history_text, leak_score

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


ROOM = History(
    "put a box on the dresser.",
    (
        "You see a sofa 1, a cabinet 3, a drawer 2, a dresser 1",
        "go to cabinet 3\nYou arrive at cabinet 3. On the cabinet 3, you see a pen 1.",
    ),
)
BOX = (
    Fact(kind="name", value=("box 2",)),
    Fact(
        kind="place",
        subject=("box", "carton"),
        value=("sofa 1", "couch 1"),
        hint=("sofa", "couch"),
    ),
)


@pytest.mark.parametrize(
    "text",
    [
        "The box rests on the sofa, so I walk over.",
        "Sofa 1 is where the box waits.",
        "A box sits atop sofa one.",
        "What I am looking for is on the first couch.",
        "I'll grab the carton from the couch.",
        "The box? It's on sofa 1.",
        "Skip the drawers; the sofa has the box.",
        "The box is not in the drawer but on sofa 1.",
        "Sofa 1: box is there.",
        "I know that sofa 1 is the right place.",
        "I should look at sofa 1, because the box is sitting on it.",
        "I need a box. It is on sofa 1.",
        "I am after box 2.",
        "Location of the box: sofa 1.",
    ],
)
def test_a_hidden_relation_is_found_in_whatever_words_it_is_claimed(text):
    assert leak_score(text, BOX, ROOM) >= 0.5


@pytest.mark.parametrize(
    "text",
    [
        "maybe the box is on sofa 1",
        "Boxes are often found on sofas.",
        "I haven't checked sofa 1 yet, so I'll go there next.",
        "Let me look on sofa 1 for the box.",
        "I wonder if the box is on sofa 1.",
        "There was no box in cabinet 3, so I will try the sofa.",
        "If the box isn't in drawer 2, it must be somewhere else such as sofa 1.",
        "Is the box on the sofa?",
        "The sofa is a common place for a box.",
        "I think the box is on sofa 1.",
        "The box is on drawer 2.",
        "I have to bring the box to the dresser.",
        "There is a pen in cabinet 3.",
    ],
)
def test_a_guess_a_search_and_a_general_rule_claim_nothing(text):
    assert leak_score(text, BOX, ROOM) == 0


def test_a_relation_that_was_seen_is_no_secret():
    seen = replace(ROOM, seen=(*ROOM.seen, "go to sofa 1\nOn the sofa 1, you see a box 2."))
    assert leak_score("The box 2 is on sofa 1, where I saw it.", BOX, seen) == 0
    apart = replace(ROOM, seen=(*ROOM.seen, "open drawer 2\nYou see a box 1."))
    assert leak_score("The box is on sofa 1.", BOX, apart) >= 0.5


@pytest.mark.parametrize(
    ("text", "leaks"),
    [
        ("The answer is 17.", True),
        ("There are seventeen files.", True),
        ("It should print 17.", True),
        ("If the command is right it prints 17.", True),
        ("Maybe there are 17 of them.", False),
        ("Are there 17 of them?", False),
        ("I count the files with wc -l.", False),
        ("There are 16 files.", False),
    ],
)
def test_a_short_answer_is_a_secret_where_it_is_claimed(text, leaks):
    answer = (Fact(kind="answer", value=("17",)),)
    history = History("How many files are there?", ("ls\na\nb",))
    assert (leak_score(text, answer, history) >= 0.5) is leaks
    seen = History("How many files are there?", ("ls | wc -l\n17",))
    assert leak_score(text, answer, seen) == 0


@pytest.mark.parametrize(
    ("text", "leaks"),
    [
        ("B0AA brings 0.67.", True),
        ("The second item is worth two thirds of the reward.", True),
        ("B0BB gets the full reward.", True),
        ("B0BB is the target product.", True),
        ("B0AA might bring 0.67.", False),
        ("B0BB sounds most like what is asked.", False),
        ("To get the full reward I must match all that is asked.", False),
        ("B0BB costs $20.00.", False),
    ],
)
def test_what_a_product_brings_is_a_secret(text, leaks):
    worth = (
        Fact(kind="worth", subject=("B0AA", "item 2"), value=("0.67",)),
        Fact(kind="worth", subject=("B0BB", "item 3"), value=("1.00",)),
    )
    history = History("a rain coat", ("search[coat]\nB0AA\n$10.00\nB0BB\n$20.00",))
    assert (leak_score(text, worth, history) >= 0.5) is leaks


def test_what_gave_a_leak_away_is_told():
    (leak,) = find_leaks("I go there. The box is on the couch.", BOX, ROOM)
    assert leak.explained == "statement: box is in sofa 1, in the words 'the box is on the couch'"


@given(st.text(), st.lists(st.sampled_from(["box", "sofa 1", "is", "on", "?", ",", "it", "17"])))
def test_no_text_breaks_the_audit(text, words):
    secrets = (*BOX, Fact(kind="answer", value=("17",)), "a long secret of many words in a row")
    assert 0 <= leak_score(f"{text} {' '.join(words)} {text}", secrets, ROOM) <= 1


HOSTILE = """
from leap_core import Fact
from leap_core.correction import leak_score
secrets = [
    Fact(kind="place", subject=("box",), value=("sofa 1",), hint=("sofa",)),
    Fact(kind="answer", value=("17",)),
    Fact(kind="worth", subject=("box",), value=("0.50",)),
    "mug is in cabinet 2", "find workshop type f mtime sort uniq head",
]
pieces = ("!", "what i ", "box ", "sofa 1 it is in ", "17 ", "9", "first ", "no. ", "find sort ")
for piece in pieces:
    leak_score(piece * (524_288 // len(piece)) + "a", secrets, "You see a sofa 1.")
"""


def test_half_a_megabyte_of_hostile_text_is_read_in_one_go():
    """Seconds of work; whatever grows with the square of the text would take hours."""
    subprocess.run([sys.executable, "-c", HOSTILE], check=True, timeout=300)
