"""The `tiny` student: a small Llama with a byte-level tokenizer, built from scratch in seconds.

It exists so that the whole of LEAP runs anywhere. It is saved in the ecosystem's own format:
`AutoModelForCausalLM.from_pretrained` loads it like any other model.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydantic import Field

from leap_core.config.schema import Section
from leap_core.errors import MissingExtra


class TinyOptions(Section):
    """Size of the `tiny` student; the defaults make about half a million parameters."""

    hidden_size: int = Field(128, gt=0)
    layers: int = Field(4, gt=0)
    heads: int = Field(4, gt=0)
    kv_heads: int = Field(2, gt=0)
    intermediate_size: int = Field(256, gt=0)
    vocabulary: int = Field(1024, ge=300)
    max_length: int = Field(4096, gt=0)


def train_tokenizer(texts: Iterable[str], vocabulary: int, max_length: int) -> object:
    """Train a byte-level BPE tokenizer (lossless on any text) on `texts`."""
    try:
        import torch  # noqa: F401 - asked for here, before anything is made
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
        from transformers import PreTrainedTokenizerFast
    except ImportError as error:
        raise MissingExtra(
            "the tiny student", error.name or "transformers", "leap-core[local]"
        ) from error
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=["<pad>", "<eos>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    core.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token="<pad>",
        eos_token="<eos>",
        model_max_length=max_length,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


def build_tiny(out_dir: Path, texts: Iterable[str], options: TinyOptions, seed: int) -> None:
    """Write a randomly initialised tiny student to `out_dir`; `texts` train its tokenizer."""
    tokenizer = train_tokenizer(texts, options.vocabulary, options.max_length)
    save_untrained(out_dir, tokenizer, options, seed)


def save_untrained(out_dir: Path, tokenizer: object, options: TinyOptions, seed: int) -> None:
    """Write a randomly initialised Llama of the given size with `tokenizer` to `out_dir`."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=len(tokenizer),  # type: ignore[arg-type]
        hidden_size=options.hidden_size,
        intermediate_size=options.intermediate_size,
        num_hidden_layers=options.layers,
        num_attention_heads=options.heads,
        num_key_value_heads=options.kv_heads,
        max_position_embeddings=options.max_length,
        tie_word_embeddings=True,
        # The usual 0.02 is for wide models; at this width it delays learning to copy a lot.
        initializer_range=options.hidden_size**-0.5,
        pad_token_id=tokenizer.pad_token_id,  # type: ignore[attr-defined]
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,  # type: ignore[attr-defined]
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
    model.generation_config.do_sample = True
    model.save_pretrained(out_dir)
    tokenizer.save_pretrained(out_dir)  # type: ignore[attr-defined]
