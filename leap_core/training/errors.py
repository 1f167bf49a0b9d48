"""What training and saving can run into, in one sentence with what to do."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from leap_core.errors import LeapError, UpdateError
from leap_core.training.options import TrainingOptions


@contextmanager
def explained_errors(options: TrainingOptions) -> Iterator[None]:
    """Turns what training and saving raise into one sentence with what to do."""
    try:
        yield
    except LeapError:
        raise
    except Exception as error:
        why = " ".join(str(error).split())[:500] or type(error).__name__
        if isinstance(error, MemoryError) or _memory_full(why):
            told = f"memory is full: {memory_hint(options)} ({why[:200]})"
        elif _disk_full(error, why):
            told = (
                f"the policy cannot be saved: {why}; free some space and run again, the last "
                "policy is untouched"
            )
        else:
            told = f"training failed: {why}"
        raise UpdateError(told) from error


def _memory_full(why: str) -> bool:
    return any(words in why.lower() for words in ("out of memory", "can't allocate memory"))


def _disk_full(error: Exception, why: str) -> bool:
    codes = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    words = ("No space left", "File too large", "quota")
    return getattr(error, "errno", None) in codes or any(word in why for word in words)


def memory_hint(options: TrainingOptions) -> str:
    """What makes an update need less memory, of what is not in use yet."""
    hints = [f"lower updater.options.token_budget (now {options.token_budget})"]
    if options.sharing == "none":
        hints.append("set sharing: trunk")
        hints.append(f"lower micro_batch_size (now {options.micro_batch_size})")
    if options.lora is None:
        hints.append("train an adapter (lora)")
    elif options.quantize is None:
        hints.append("set quantize: 4bit")
    hints.append(f"lower max_length (now {options.max_length})")
    return ", or ".join(hints)
