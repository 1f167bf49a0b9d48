"""Replies of a scripted policy, for servers of the tests."""

from __future__ import annotations

from typing import Any

from leap_core.policy.reply import write_reply


def search(request: dict[str, Any]) -> str:
    """What the toy's scripted policy `search` says, read from the prompt."""
    listed = prompt_of(request).rpartition("You can: ")[2].rstrip().rstrip(".").split(", ")
    if "take coin" in listed:
        return write_reply("The coin is in sight.", "take coin")
    return write_reply("I have not looked there yet.", listed[0])


def prompt_of(request: dict[str, Any]) -> str:
    (message,) = request["messages"]
    assert message["role"] == "user"
    return str(message["content"])
