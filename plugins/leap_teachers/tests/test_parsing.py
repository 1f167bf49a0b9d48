"""Nothing a model writes breaks the parser, and nothing usable in it is lost or altered."""

from __future__ import annotations

import json
import os
import random
import string

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from leap_core import Proposal
from leap_teachers.parsing import find_objects, parse_corrections
from leap_teachers.relaxed_json import Unreadable, read_value

EXAMPLES = int(os.environ.get("LEAP_EXAMPLES", "500"))
"""How many examples the property tests draw; the full size is 100,000."""

many = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
SHELL = st.text(st.sampled_from(string.printable), min_size=1).filter(str.strip)


def answer(steps: list[int], action: str = "look", reason: str = "why") -> str:
    entries = [{"step": s, "changed": True, "reason": reason, "action": action} for s in steps]
    return json.dumps({"summary": "Lost.", "steps": entries})


def pairs(text: str, asked: int = 3) -> list[tuple[int, str, str]]:
    return [(p.step, p.reason, p.action) for p in parse_corrections(text, range(asked)).proposals]


GOOD = [(t, "why", "look") for t in range(3)]
WAYS = {
    "bare": answer([0, 1, 2]),
    "fenced": f"```json\n{answer([0, 1, 2])}\n```",
    "amid chatter": f"Sure! Here you {{go}}:\n{answer([0, 1, 2])}\nHope {{this}} helps.",
    "after thoughts": f"<think>{answer([0], 'jump')}</think>{answer([0, 1, 2])}",
    "indented": json.dumps(json.loads(answer([0, 1, 2])), indent=2),
    "trailing commas": answer([0, 1, 2]).replace("}", ",}").replace("]", ",]"),
    "single quotes": str(json.loads(answer([0, 1, 2]))),
    "comments": answer([0, 1, 2]).replace("{", "{ // a note\n").replace(",", ", /* x, */", 1),
    "missing commas": json.dumps(json.loads(answer([0, 1, 2])), indent=2).replace(",\n", "\n"),
    "unquoted names": answer([0, 1, 2]).replace('"step"', "step").replace('"action"', "action"),
    "only the list": json.dumps(json.loads(answer([0, 1, 2]))["steps"]),
    "one object a line": "\n".join(json.dumps(e) for e in json.loads(answer([0, 1, 2]))["steps"]),
    "words for numbers": answer([0, 1, 2]).replace('"step": 1', '"step": "Step 1"'),
    "other names": answer([0, 1, 2])
    .replace('"step"', '"timestep"')
    .replace('"reason"', '"corrected_reason"')
    .replace('"action"', '"corrected_action"'),
    "no numbers": answer([0, 1, 2]).replace('"step": ', '"was": '),
    "two answers": answer([0, 1, 2], "jump") + answer([0, 1, 2]),
    "out of order": answer([2, 0, 1]),
    "wrapped twice": json.dumps({"output": {"result": json.loads(answer([0, 1, 2]))}}),
}


@pytest.mark.parametrize("text", WAYS.values(), ids=WAYS)
def test_an_answer_is_read_however_it_is_written(text):
    assert pairs(text) == GOOD


def test_seventeen_good_steps_of_twenty_are_kept():
    text = answer(list(range(20)))
    place = text.index('"step": 17') + 40
    parsed = parse_corrections(text[:place], range(20))
    assert [p.step for p in parsed.proposals] == list(range(17))
    assert parsed.missing == (17, 18, 19)
    assert parsed.summary == "Lost."


def test_an_entry_cut_off_in_its_action_is_not_taken_for_a_whole_one():
    text = answer([0, 1], "rm -rf ./build/tmp")
    assert [p.step for p in parse_corrections(text[: text.rindex("build")], (0, 1)).proposals] == [
        0
    ]


def test_steps_left_as_they_were_need_no_words():
    parsed = parse_corrections('{"steps": [{"step": 0, "changed": false}]}', (0,))
    assert parsed.proposals == (Proposal(step=0, reason="", action="", changed=False),)


def test_wrong_repeated_and_missing_steps_are_told():
    text = answer([0, 7]) + answer([0], "jump")
    parsed = parse_corrections(text, (0, 1))
    assert [(p.step, p.action) for p in parsed.proposals] == [(0, "jump")]
    told = "; ".join(parsed.problems)
    assert "step 7: not asked" in told
    assert "step 0: two different entries" in told
    assert "no usable entry for step(s) 1" in told


def test_a_backslash_that_can_be_read_in_two_ways_is_not_guessed_at():
    text = r'{"step": 0, "reason": "it\'s", "action": "echo \'a\'"}'
    assert parse_corrections(text, (0,)).missing == (0,)
    fine = r'{"step": 0, "reason": "it\'s", "action": "look"}'
    assert parse_corrections(fine, (0,)).proposals[0].reason == "it's"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"grep '\.txt$' *", r"grep '\.txt$' *"),
        (r"sed -E 's/\d+/\\1/'", r"sed -E 's/\d+/\1/'"),
        (r"printf '%s\\n' x", r"printf '%s\n' x"),
        (r"echo \"hi\" \\ there", r'echo "hi" \ there'),
        ("awk '{print $1}' f // x # y /* z */", "awk '{print $1}' f // x # y /* z */"),
        ("cat <<E\n1\nE", "cat <<E\n1\nE"),
        (r"\u00e9\ud83d\ude00", "é😀"),
    ],
)
def test_shell_commands_arrive_as_they_were_meant(written, meant):
    text = f'{{"steps": [{{"step": 0, "reason": "r", "action": "{written}"}}]}}'
    assert pairs(text, 1) == [(0, "r", meant)]


@many
@given(SHELL, st.sampled_from(["json", "python", "indented", "fenced", "commas"]))
@example(string.printable, "json")
@example("a\\'b", "python")
def test_every_printable_character_of_an_action_survives(action, style):
    if style == "python":
        action = action.replace("\x0b", "").replace("\x0c", "") or "x"  # JSON has no \x escapes
    data = {"summary": "s", "steps": [{"step": 0, "reason": "r", "action": action}]}
    text = {
        "json": json.dumps(data),
        "python": repr(data),
        "indented": json.dumps(data, indent=1),
        "fenced": f"Here:\n```json\n{json.dumps(data, ensure_ascii=False)}\n```",
        "commas": json.dumps(data)[:-3] + ",},],}",
    }[style]
    assert pairs(text, 1) == [(0, "r", action)]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@many
@given(JSON)
def test_what_is_json_reads_as_json(value):
    text = json.dumps(value)
    read, end = read_value(text, 0)
    assert (read, end) == (value, len(text))


def mangle(text: str, draw: random.Random) -> str:
    """Damage an answer the way models do, and worse."""
    for _ in range(draw.randrange(1, 5)):
        place = draw.randrange(len(text) + 1)
        junk = "".join(draw.choices("{}[]\"'\\,:#/* \n\tabc0\ud800\u2028é", k=draw.randrange(1, 6)))
        change = draw.randrange(5)
        if change == 0:
            text = text[:place]
        elif change == 1:
            text = text[:place] + junk + text[place:]
        elif change == 2:
            text = text[:place] + text[place + draw.randrange(1, 9) :]
        elif change == 3:
            text = text.replace(draw.choice("{}[]\"',:"), draw.choice(["", "'", '"', "{", "\\"]), 1)
        else:
            text = text[place:] + text[:place]
    return text


@many
@given(st.integers(0, 2**64), SHELL)
def test_no_mangled_answer_breaks_the_parser(seed, action):
    text = mangle(answer([0, 1, 2, 3], action), random.Random(seed))
    parsed = parse_corrections(text, range(4))
    for proposal in parsed.proposals:
        json.dumps(proposal.action).encode()
        f"{proposal.reason}{proposal.action}{parsed.summary}".encode()
    steps = [p.step for p in parsed.proposals]
    assert sorted({*steps, *parsed.missing}) == [0, 1, 2, 3]


@many
@given(st.text())
def test_no_text_breaks_the_parser(text):
    parse_corrections(text, range(3))
    list(find_objects(text))


@given(st.integers(0, 400), SHELL)
@many
def test_a_cut_answer_never_yields_a_shortened_action(cut, action):
    text = answer([0, 1], action)
    for proposal in parse_corrections(text[: len(text) - cut], (0, 1)).proposals:
        assert proposal.action == action


@pytest.mark.parametrize(
    "text",
    ["{" * 5000, "[" * 100_000, '{"a' * 5000, "{'" * 5000, "/*" * 5000 + "{", '{"a":' * 9999],
)
def test_hostile_texts_end_soon(text):
    assert parse_corrections(text, (0,)).proposals == ()
    with pytest.raises(Unreadable):
        read_value(text, 0)
