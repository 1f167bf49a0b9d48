"""How a student's prompt is written: short, since small students pay for every token."""

from __future__ import annotations

from leap_core import Layout

BASH_LAYOUT = Layout(
    opening=(
        "You work in a bash shell on Linux, one command at a time, and then submit. The answer is "
        "what your last command printed, together with the changes to files. At each turn, give a "
        "short reason and then one command on one line, or `submit`, as\n"
        "REASON: ...\nACTION: ...\n\nTask: {{ observation }}\n"
    ),
    turn="> {{ action }}\n{{ observation }}\n",
    branch="What next?\n",
)

SQL_LAYOUT = Layout(
    opening=(
        "You work with a database, one SQL statement at a time, and then submit. The answer is "
        "what your last statement returned. SHOW TABLES and DESCRIBE table tell what there is. At "
        "each turn, give a short reason and then one statement on one line, or `submit`, as\n"
        "REASON: ...\nACTION: ...\n\nTask: {{ observation }}\n"
    ),
    turn="> {{ action }}\n{{ observation }}\n",
    branch="What next?\n",
)
