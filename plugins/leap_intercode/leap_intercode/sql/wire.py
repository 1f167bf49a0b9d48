"""Answers as JSON, so that nothing from the other process is executed when it is read."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from leap_intercode.sql.answer import Answer


def packed(answer: Answer) -> bytes:
    """Return an answer as bytes."""
    rows = None if answer.rows is None else [[_pack(v) for v in row] for row in answer.rows]
    return json.dumps([rows, answer.error, answer.code]).encode()


def unpacked(data: bytes) -> Answer:
    """Return the answer that `packed` made into bytes.

    Raises:
        ValueError: they are no answer.
    """
    rows, error, code = json.loads(data)
    if rows is None:
        return Answer(None, error, code)
    return Answer([tuple(_unpack(value) for value in row) for row in rows], error, code)


def _pack(value: Any) -> Any:
    if value is None or isinstance(value, (int, float, str)):
        return value
    if isinstance(value, Decimal):
        return {"decimal": str(value)}
    if isinstance(value, datetime):
        return {"datetime": value.isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, timedelta):
        return {"seconds": value.total_seconds()}
    return {"bytes": bytes(value).hex()}


def _unpack(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, text),) = value.items()
    if kind == "decimal":
        return Decimal(text)
    if kind == "datetime":
        return datetime.fromisoformat(text)
    if kind == "date":
        return date.fromisoformat(text)
    return timedelta(seconds=text) if kind == "seconds" else bytes.fromhex(text)
