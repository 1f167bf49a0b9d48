"""Dates and times as MySQL reads, computes and writes them; SQLite calls these.

They are kept as texts in MySQL's own form, so they sort as they are.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from leap_intercode.sql.mysql.numbers import number

_DATE = re.compile(
    r"\s*(\d{2,4})[-/.:](\d{1,2})[-/.:](\d{1,2})"
    r"(?:[T\s]+(\d{1,2}):(\d{1,2})(?::(\d{1,2})(\.\d+)?)?)?\s*"
)
_PLAIN = re.compile(r"\s*(\d{6}|\d{8}|\d{12}|\d{14})(\.\d+)?\s*")
_TIME = re.compile(r"\s*(-?)(?:(\d+)\s+)?(\d{1,3}):(\d{1,2})(?::(\d{1,2})(\.\d+)?)?\s*")
_EPOCH = datetime(1970, 1, 1)


def moment(value: Any) -> datetime | None:
    """Return the date and time that a value stands for, or None."""
    if value is None:
        return None
    text = str(int(value)).zfill(6) if isinstance(value, (int, float)) else str(value)
    found = _DATE.match(text)
    if found:
        parts = [int(part or 0) for part in found.groups()[:6]]
        fraction = found[7]
        short = len(found[1]) == 2
    elif plain := _PLAIN.fullmatch(text):
        digits, fraction = plain[1], plain[2]
        short = len(digits) in (6, 12)
        year = 2 if short else 4
        parts = [int(digits[:year]), *(int(digits[i : i + 2]) for i in range(year, len(digits), 2))]
    else:
        return None
    if short:
        parts[0] += 2000 if parts[0] < 70 else 1900
    try:
        return datetime(*(parts + [0] * (6 - len(parts))), round(float(fraction or 0) * 1e6))  # type: ignore[arg-type,call-arg]
    except ValueError:
        return None


def show(value: datetime) -> str:
    """Return a moment as MySQL writes it."""
    return value.isoformat(" ")


def as_datetime(value: Any) -> str | None:
    """Return CAST(… AS DATETIME)."""
    found = moment(value)
    return None if found is None else show(found.replace(microsecond=0) + _half(found))


def _half(value: datetime) -> timedelta:
    return timedelta(seconds=1 if value.microsecond >= 500_000 else 0)


def as_date(value: Any) -> str | None:
    """Return DATE(…)."""
    found = moment(value)
    return None if found is None else found.date().isoformat()


def as_time(value: Any) -> str | None:
    """Return TIME(…)."""
    seconds = seconds_of(value)
    return None if seconds is None else _clock(seconds)


def seconds_of(value: Any) -> int | None:
    """Return the seconds of a time of day or a duration."""
    if value is None:
        return None
    if isinstance(value, (int, float)):
        whole = abs(int(value))
        seconds = whole // 10000 * 3600 + whole // 100 % 100 * 60 + whole % 100
        return seconds if value >= 0 else -seconds
    match = _TIME.fullmatch(str(value))
    if match is None and _DATE.match(str(value)):
        found = moment(value)
        return None if found is None else found.hour * 3600 + found.minute * 60 + found.second
    if match is None:
        return None
    sign, days, hours, minutes, seconds_, _ = match.groups()
    total = int(days or 0) * 86400 + int(hours) * 3600 + int(minutes) * 60 + int(seconds_ or 0)
    return -total if sign else total


def _clock(seconds: int) -> str:
    rest = min(abs(seconds), 838 * 3600 + 59 * 60 + 59)
    return f"{'-' if seconds < 0 else ''}{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"


def as_number(value: Any) -> int | float | None:
    """Return a date or time as the number that MySQL computes with."""
    if value is None or isinstance(value, (int, float)):
        return value
    digits = re.sub(r"\D", "", str(value).partition(".")[0])
    return -int(digits or 0) if str(value).startswith("-") else int(digits or 0)


def _part(part: Callable[[datetime], int]) -> Callable[[Any], int | None]:
    def called(value: Any) -> int | None:
        found = moment(value)
        return None if found is None else part(found)

    return called


def _time_part(unit: int, most: int) -> Callable[[Any], int | None]:
    def called(value: Any) -> int | None:
        seconds = seconds_of(value)
        return None if seconds is None else abs(seconds) // unit % most

    return called


def week(value: Any, mode: Any) -> int | None:
    """Return WEEK(value, mode) (MySQL 8.0 Reference Manual, 12.7, modes 0 to 7)."""
    found = moment(value)
    if found is None or mode is None:
        return None
    return year_week(found.date(), int(mode))[1]


def year_week(day: date, mode: int) -> tuple[int, int]:
    """Return the year and week of a day; week 0 where the mode counts from 0."""
    monday, first_full = bool(mode & 1), bool(mode & 4) == bool(mode & 1)
    from_zero = not mode & 2

    def start(year: int) -> date:
        january = date(year, 1, 1)
        weekday = january.weekday() if monday else (january.weekday() + 1) % 7
        if first_full:
            return january + timedelta(days=(7 - weekday) % 7)
        return january - timedelta(days=weekday if weekday <= 3 else weekday - 7)

    begins = start(day.year)
    if day < begins:
        if from_zero:
            return day.year, 0
        before = start(day.year - 1)
        return day.year - 1, (day - before).days // 7 + 1
    if not from_zero and day.year < date.max.year and day >= start(day.year + 1):
        return day.year + 1, 1
    return day.year, (day - begins).days // 7 + 1


def _yearweek(value: Any, mode: Any) -> int | None:
    found = moment(value)
    if found is None or mode is None:
        return None
    year, number_ = year_week(found.date(), int(mode) | 2)
    return year * 100 + number_


_SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86400, "WEEK": 604800}
_MONTHS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}
_COMPOUND = {
    "DAY_HOUR": (86400, 3600), "DAY_MINUTE": (86400, 3600, 60), "DAY_SECOND": (86400, 3600, 60, 1),
    "HOUR_MINUTE": (3600, 60), "HOUR_SECOND": (3600, 60, 1), "MINUTE_SECOND": (60, 1),
}  # fmt: skip
UNITS = frozenset({*_SECONDS, *_MONTHS, *_COMPOUND, "YEAR_MONTH", "MICROSECOND"})


def add(value: Any, amount: Any, unit: str, sign: int) -> str | None:
    """Return a date or time moved by an interval."""
    found = moment(value)
    if found is None or amount is None:
        return None
    dated = len(str(value).strip()) <= 10
    try:
        if unit in _MONTHS or unit == "YEAR_MONTH":
            parts = [int(p) for p in re.findall(r"-?\d+", str(amount))] or [0]
            months = parts[0] * _MONTHS.get(unit, 12) + (
                parts[1] if unit == "YEAR_MONTH" and parts[1:] else 0
            )
            place = found.year * 12 + found.month - 1 + sign * months
            year, month = divmod(place, 12)
            day = min(found.day, calendar.monthrange(year, month + 1)[1])
            moved = found.replace(year=year, month=month + 1, day=day)
        elif unit in _COMPOUND:
            parts = [int(p) for p in re.findall(r"\d+", str(amount))]
            units = _COMPOUND[unit][-len(parts) :] if parts else ()
            seconds = sum(p * u for p, u in zip(parts, units, strict=False))
            moved = found + timedelta(
                seconds=sign * (-seconds if str(amount).strip()[:1] == "-" else seconds)
            )
        elif unit == "MICROSECOND":
            moved = found + timedelta(microseconds=sign * int(number(amount) or 0))
        else:
            count = number(amount) or 0
            exact = count if unit == "SECOND" else round(count)
            moved = found + timedelta(seconds=sign * exact * _SECONDS[unit])
    except (ValueError, OverflowError, calendar.IllegalMonthError):
        return None
    return (
        moved.date().isoformat()
        if dated
        and moved.time() == datetime.min.time()
        and (unit in _MONTHS or unit in ("DAY", "WEEK", "YEAR_MONTH"))
        else show(moved)
    )


def _add_time(value: Any, amount: Any, sign: int) -> str | None:
    seconds = seconds_of(amount)
    if value is None or seconds is None:
        return None
    if not _TIME.fullmatch(str(value)) and _DATE.match(str(value)):
        found = moment(value)
        return None if found is None else show(found + timedelta(seconds=sign * seconds))
    base = seconds_of(value)
    return None if base is None else _clock(base + sign * seconds)


def difference(unit: str, first: Any, second: Any) -> int | None:
    """Return TIMESTAMPDIFF(unit, first, second): whole units from first to second."""
    one, other = moment(first), moment(second)
    if one is None or other is None:
        return None
    sign = 1 if other >= one else -1
    low, high = (one, other) if sign > 0 else (other, one)
    if unit in _MONTHS:
        months = (high.year - low.year) * 12 + high.month - low.month
        rest = (high.day, high.time()) < (low.day, low.time())
        return sign * ((months - rest) // _MONTHS[unit])
    passed = high - low
    if unit == "MICROSECOND":
        return sign * (passed // timedelta(microseconds=1))
    return sign * (passed // timedelta(seconds=_SECONDS.get(unit, 1)))


def _datediff(one: Any, other: Any) -> int | None:
    first, second = moment(one), moment(other)
    return None if first is None or second is None else (first.date() - second.date()).days


def _timediff(one: Any, other: Any) -> str | None:
    clocks = all(_TIME.fullmatch(str(value)) for value in (one, other))
    first, second = moment(one), moment(other)
    if first is not None and second is not None and not clocks:
        return _clock(int((first - second).total_seconds()))
    left, right = seconds_of(one), seconds_of(other)
    return None if left is None or right is None else _clock(left - right)


def _last_day(value: Any) -> str | None:
    found = moment(value)
    if found is None:
        return None
    return found.date().replace(day=calendar.monthrange(found.year, found.month)[1]).isoformat()


def _from_days(days: Any) -> str | None:
    if days is None or not 366 <= days <= date.max.toordinal():
        return None
    return (date.min + timedelta(days=int(days) - 366)).isoformat()


def _unix(value: Any) -> int | None:
    found = moment(value)
    return None if found is None else max(0, int((found - _EPOCH).total_seconds()))


def _from_unix(value: Any) -> str | None:
    if value is None or value < 0 or value > 2**35:
        return None
    return show(_EPOCH + timedelta(seconds=float(value)))


def _make_date(year: Any, day: Any) -> str | None:
    if year is None or day is None or day < 1 or not 0 < year < 9999:
        return None
    return (date(int(year), 1, 1) + timedelta(days=int(day) - 1)).isoformat()


def _make_time(hours: Any, minutes: Any, seconds: Any) -> str | None:
    if None in (hours, minutes, seconds) or not (0 <= minutes < 60 and 0 <= seconds < 60):
        return None
    return _clock(
        (1 if hours >= 0 else -1) * (abs(int(hours)) * 3600 + int(minutes) * 60 + int(seconds))
    )


def _period(value: int) -> int:
    year, month = divmod(int(value), 100)
    return (year + (2000 if year < 70 else 1900 if year < 100 else 0)) * 12 + month - 1


FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    "my_datetime": (1, as_datetime),
    "my_date": (1, as_date),
    "my_time": (1, as_time),
    "my_datenum": (1, as_number),
    "my_year": (1, _part(lambda d: d.year)),
    "my_month": (1, _part(lambda d: d.month)),
    "my_day": (1, _part(lambda d: d.day)),
    "my_quarter": (1, _part(lambda d: (d.month + 2) // 3)),
    "my_hour": (1, _time_part(3600, 100000)),
    "my_minute": (1, _time_part(60, 60)),
    "my_second": (1, _time_part(1, 60)),
    "my_microsecond": (1, _part(lambda d: d.microsecond)),
    "my_dayofweek": (1, _part(lambda d: (d.weekday() + 1) % 7 + 1)),
    "my_weekday": (1, _part(lambda d: d.weekday())),
    "my_dayofyear": (1, _part(lambda d: d.timetuple().tm_yday)),
    "my_week": (2, week),
    "my_yearweek": (2, _yearweek),
    "my_to_days": (1, _part(lambda d: d.toordinal() + 365)),
    "my_to_seconds": (
        1,
        _part(lambda d: (d.toordinal() + 365) * 86400 + d.hour * 3600 + d.minute * 60 + d.second),
    ),
    "my_from_days": (1, _from_days),
    "my_dateadd": (4, add),
    "my_addtime": (3, _add_time),
    "my_timestampdiff": (3, difference),
    "my_datediff": (2, _datediff),
    "my_timediff": (2, _timediff),
    "my_last_day": (1, _last_day),
    "my_unix": (1, _unix),
    "my_from_unix": (1, _from_unix),
    "my_makedate": (2, _make_date),
    "my_maketime": (3, _make_time),
    "my_time_to_sec": (1, seconds_of),
    "my_sec_to_time": (1, lambda v: None if v is None else _clock(int(v))),
    "my_period_diff": (2, lambda a, b: None if None in (a, b) else _period(a) - _period(b)),
}
"""Names, how many arguments (-1: any), and functions."""
