"""DATE_FORMAT and STR_TO_DATE; SQLite calls these."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from leap_intercode.sql.mysql.dates import moment, seconds_of, year_week

_EPOCH = datetime(1970, 1, 1)
_FORMATS: dict[str, Callable[[datetime], str]] = {
    "a": lambda d: d.strftime("%a"), "b": lambda d: d.strftime("%b"), "c": lambda d: str(d.month),
    "D": lambda d: f"{d.day}{_ordinal(d.day)}", "d": lambda d: f"{d.day:02d}",
    "e": lambda d: str(d.day), "f": lambda d: f"{d.microsecond:06d}",
    "H": lambda d: f"{d.hour:02d}", "h": lambda d: f"{(d.hour + 11) % 12 + 1:02d}",
    "I": lambda d: f"{(d.hour + 11) % 12 + 1:02d}", "i": lambda d: f"{d.minute:02d}",
    "j": lambda d: f"{d.timetuple().tm_yday:03d}", "k": lambda d: str(d.hour),
    "l": lambda d: str((d.hour + 11) % 12 + 1), "M": lambda d: calendar.month_name[d.month],
    "m": lambda d: f"{d.month:02d}", "p": lambda d: "AM" if d.hour < 12 else "PM",
    "r": lambda d: f"{(d.hour + 11) % 12 + 1:02d}:{d:%M:%S} {'AM' if d.hour < 12 else 'PM'}",
    "S": lambda d: f"{d.second:02d}", "s": lambda d: f"{d.second:02d}",
    "T": lambda d: f"{d:%H:%M:%S}", "W": lambda d: calendar.day_name[d.weekday()],
    "w": lambda d: str((d.weekday() + 1) % 7), "Y": lambda d: f"{d.year:04d}",
    "y": lambda d: f"{d.year % 100:02d}",
    "U": lambda d: f"{year_week(d.date(), 0)[1]:02d}",
    "u": lambda d: f"{year_week(d.date(), 1)[1]:02d}",
    "V": lambda d: f"{year_week(d.date(), 2)[1]:02d}",
    "v": lambda d: f"{year_week(d.date(), 3)[1]:02d}",
    "X": lambda d: f"{year_week(d.date(), 2)[0]:04d}",
    "x": lambda d: f"{year_week(d.date(), 3)[0]:04d}",
}  # fmt: skip


def _ordinal(day: int) -> str:
    return "th" if 11 <= day <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def date_format(value: Any, pattern: Any) -> str | None:
    """Return DATE_FORMAT(value, pattern)."""
    found = moment(value)
    if found is None and value is not None and seconds_of(value) is not None:
        found = _EPOCH + timedelta(seconds=seconds_of(value) or 0)
    if found is None or pattern is None:
        return None
    known = found
    return re.sub(
        r"%(.)",
        lambda m: _FORMATS[m[1]](known) if m[1] in _FORMATS else m[1],
        str(pattern),
        flags=re.S,
    )


_READ = {
    "Y": r"(?P<Y>\d{1,4})", "y": r"(?P<y>\d{1,2})", "m": r"(?P<m>\d{1,2})", "c": r"(?P<m>\d{1,2})",
    "d": r"(?P<d>\d{1,2})", "e": r"(?P<d>\d{1,2})", "H": r"(?P<H>\d{1,2})", "k": r"(?P<H>\d{1,2})",
    "h": r"(?P<h>\d{1,2})", "I": r"(?P<h>\d{1,2})", "l": r"(?P<h>\d{1,2})", "i": r"(?P<i>\d{1,2})",
    "s": r"(?P<s>\d{1,2})", "S": r"(?P<s>\d{1,2})", "f": r"(?P<f>\d{1,6})",
    "p": r"(?P<p>[AaPp][Mm])",
    "M": r"(?P<M>[A-Za-z]+)", "b": r"(?P<M>[A-Za-z]{3})", "D": r"(?P<d>\d{1,2})(?:st|nd|rd|th)",
    "W": r"[A-Za-z]+", "a": r"[A-Za-z]{3}",
    "T": r"(?P<H>\d{1,2}):(?P<i>\d{1,2}):(?P<s>\d{1,2})",
    "r": r"(?P<h>\d{1,2}):(?P<i>\d{1,2}):(?P<s>\d{1,2}) (?P<p>[AaPp][Mm])",
}  # fmt: skip


def str_to_date(value: Any, pattern: Any) -> str | None:
    """Return STR_TO_DATE(value, pattern): a date, a time, or both, as the pattern has them."""
    if value is None or pattern is None:
        return None
    made = re.sub(
        r"%(.)|(\s+)|([^%\s])",
        lambda m: _READ.get(m[1], re.escape(m[1])) if m[1] else r"\s*" if m[2] else re.escape(m[3]),
        str(pattern),
        flags=re.S,
    )
    try:
        found = re.match(r"\s*" + made, str(value))
    except re.error:
        return None
    if found is None:
        return None
    part = {key: text for key, text in found.groupdict().items() if text is not None}
    months = [name.lower()[:3] for name in calendar.month_name]
    year = int(part.get("Y", 0) or 0)
    if "y" in part:
        year = int(part["y"]) + (2000 if int(part["y"]) < 70 else 1900)
    month = int(part.get("m", 0))
    if "M" in part and part["M"].lower()[:3] in months:
        month = months.index(part["M"].lower()[:3])
    hour = int(part.get("H", 0))
    if "h" in part:
        hour = int(part["h"]) % 12 + (12 if part.get("p", "am").lower() == "pm" else 0)
    clock = f"{hour:02d}:{int(part.get('i', 0)):02d}:{int(part.get('s', 0)):02d}"
    dated, timed = bool(part.keys() & set("YymMd")), bool(part.keys() & set("Hhisf"))
    day = f"{year:04d}-{month:02d}-{int(part.get('d', 0)):02d}"
    if dated and moment(day) is None:
        return None
    return f"{day} {clock}" if dated and timed else clock if timed else day


FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    "my_date_format": (2, date_format),
    "my_str_to_date": (2, str_to_date),
}
"""Names, how many arguments, and functions."""
