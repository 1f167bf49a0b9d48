"""The loss is on the reply and what ends it, nothing else: for the chat templates people use."""

from __future__ import annotations

from typing import Any

import pytest

from leap_core.local.tokenization import PromptEncoder
from leap_core.training.microbatch import collate_separate, collate_shared
from leap_core.training.packing import separate_rows, shared_rows
from tests.support.students import toy_examples
from tests.support.tokenizers import FAMILIES, tokenizer_of


@pytest.mark.parametrize("family", FAMILIES)
def test_exactly_the_replies_are_trained_on(family: str) -> None:
    tokenizer, end = tokenizer_of(family)
    encoder = PromptEncoder(tokenizer)
    examples = toy_examples(3)
    rows = list(separate_rows(examples, encoder))
    shared = list(shared_rows(examples, encoder, 10**6))
    for one in (
        collate_separate(rows, range(len(rows))),
        collate_shared(shared, range(len(shared))),
    ):
        assert one.branches == len(examples)
        for number, example in enumerate(examples):
            learned = one.labels[one.branch == number]
            assert tokenizer.decode(learned) == example.reply + end


@pytest.mark.parametrize("family", FAMILIES)
def test_the_row_is_what_the_template_writes(family: str) -> None:
    """But for white space that templates trim or add around a text."""
    tokenizer, end = tokenizer_of(family)
    (example, *_) = toy_examples(1)
    (row,) = separate_rows([example], PromptEncoder(tokenizer))
    (branch,) = row.branches
    written = tokenizer.decode([*row.trunk[: branch.visible], *branch.tokens])
    if tokenizer.chat_template:
        turns = [
            {"role": "user", "content": example.prompt.text},
            {"role": "assistant", "content": example.reply},
        ]
        expected = tokenizer.apply_chat_template(turns, tokenize=False)
        expected = expected.replace("<think>\n\n</think>\n\n", "")  # Qwen 3 shows that it is empty
    else:
        expected = example.prompt.text + example.reply + end
    assert "".join(expected.split()).startswith("".join(written.split()))
    assert generation_prompt(tokenizer, example.prompt.text) == "".join(
        tokenizer.decode([*row.trunk, *branch.tokens[: -branch.reply]]).split()
    )


def generation_prompt(tokenizer: Any, text: str) -> str:
    """What a chat server would send the model, without white space."""
    if not tokenizer.chat_template:
        return "".join(text.split())
    turn = [{"role": "user", "content": text}]
    asked = tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)
    return "".join(asked.split())
