"""How a student's prompt is written: short, since small students pay for every token."""

from __future__ import annotations

from leap_core import Layout

LAYOUT = Layout(
    opening=(
        "You shop on a website by the instruction. At each turn, give a short reason and then one "
        "of the listed actions, as\nREASON: ...\nACTION: ...\n\n{{ observation }}"
    ),
    turn="> {{ action }}\n{{ observation }}",
    branch="Actions: {{ (templates + candidates) | join(', ') }}\n",
)
