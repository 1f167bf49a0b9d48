"""How far scores taken with each backend agree with upstream's, as its recordings tell."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Expected:
    """What to expect of a backend.

    Attributes:
        rewards: share of the recorded turns with the same reward; None where nobody measured.
        verdicts: share of the recorded episodes with the same verdict.
        why: what the rest comes from.
    """

    rewards: float | None
    verdicts: float | None
    why: str

    def text(self) -> str:
        """For people."""
        if self.rewards is None or self.verdicts is None:
            return f"not measured; {self.why}"
        return f"{self.rewards:.1%} of rewards, {self.verdicts:.1%} of verdicts; {self.why}"


EXPECTED = {
    "rootfs": Expected(
        0.948,
        0.969,
        "Debian 11 has upstream's versions of bash and tools; what differs are files of Ubuntu's "
        "own, the network, and minutes that passed between recorded turns",
    ),
    "namespaces": Expected(
        0.871,
        0.970,
        "as on a Debian 12; it depends on which programs, of which version, the machine has",
    ),
    "docker": Expected(None, None, "the image has upstream's packages of Ubuntu 22.04"),
    "podman": Expected(None, None, "the image has upstream's packages of Ubuntu 22.04"),
}
"""By the name of the backend; over the recordings of five models on file systems 1 and 2."""
