"""Tokenizers of chat models, made from their templates."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from leap_core.local.tiny_student import train_tokenizer
from tests.support.students import toy_examples

# Name -> its template (TRL vendors those of most families), BOS, EOS, what ends a turn, what else
# is one token.
CHATML = ("<|im_start|>", "<|im_end|>", "<|endoftext|>", "<think>", "</think>")


HEADERS = ("<|begin_of_text|>", "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>")


TURNS = ("<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>")


PHI = ("<|user|>", "<|assistant|>", "<|end|>", "<|endoftext|>")


MISTRAL = (
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}"
    "{{ '[INST] ' + message['content'] + '[/INST]' }}{% else %}"
    "{{ ' ' + message['content'] + eos_token }}{% endif %}{% endfor %}"
)


FAMILIES = {
    "llama3": ("<|begin_of_text|>", "<|eot_id|>", "<|eot_id|>", HEADERS),
    "llama3_1": ("<|begin_of_text|>", "<|eot_id|>", "<|eot_id|>", HEADERS),
    "llama3_2": ("<|begin_of_text|>", "<|eot_id|>", "<|eot_id|>", HEADERS),
    "qwen2_5": (None, "<|im_end|>", "<|im_end|>", CHATML),
    "qwen3": (None, "<|im_end|>", "<|im_end|>", CHATML),
    "gemma": ("<bos>", "<eos>", "<end_of_turn>", TURNS),
    "gemma3": ("<bos>", "<eos>", "<end_of_turn>", TURNS),
    "phi3": (None, "<|endoftext|>", "<|end|>", PHI),
    "phi3_5": (None, "<|endoftext|>", "<|end|>", PHI),
    "mistral": ("<s>", "</s>", "</s>", ("<s>", "</s>", "[INST]", "[/INST]")),
    "without": (None, "<eos>", "<eos>", ()),
}


def tokenizer_of(family: str) -> tuple[Any, str]:
    """A small tokenizer with the family's template and special tokens, and what ends its turns."""
    bos, eos, end, special = FAMILIES[family]
    tokenizer: Any = train_tokenizer([e.prompt.text for e in toy_examples(5)], 400, 4096)
    tokenizer.add_special_tokens({"additional_special_tokens": list(special)})
    tokenizer.add_special_tokens({"eos_token": eos, **({"bos_token": bos} if bos else {})})
    if family == "mistral":
        tokenizer.chat_template = MISTRAL
    elif family != "without":
        template = files("trl") / "chat_templates" / f"{family}.jinja"
        tokenizer.chat_template = template.read_text(encoding="utf-8")
    return tokenizer, end
