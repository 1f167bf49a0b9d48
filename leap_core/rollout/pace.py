"""How fast a rollout goes, in words."""

from __future__ import annotations

import time


class ProgressNote:
    """Episodes and tokens since its making, against what is left of `total`."""

    def __init__(self, total: int, done: int) -> None:
        self.total = total
        self.already = done
        self.began = time.monotonic()

    def note(self, done: int, succeeded: int, tokens: int) -> str:
        """Such as "success 41 %, 12.3 episodes/s, 1,250 tokens/s, 2 min left".

        `done` and `succeeded` count from the beginning of the whole, `tokens` in this sitting.
        """
        seconds = max(time.monotonic() - self.began, 1e-6)
        rate = (done - self.already) / seconds
        parts = [f"success {100 * succeeded / max(done, 1):.0f} %", f"{rate:.3g} episodes/s"]
        if tokens:
            parts.append(f"{tokens / seconds:,.0f} tokens/s")
        if rate and done < self.total:
            parts.append(f"{duration((self.total - done) / rate)} left")
        return ", ".join(parts)


def duration(seconds: float) -> str:
    """Such as "40 s", "3 min" or "2.5 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
