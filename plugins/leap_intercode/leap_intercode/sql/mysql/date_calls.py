"""MySQL's functions on dates and times by name."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from leap_intercode.sql.mysql import kinds
from leap_intercode.sql.mysql.arguments import arguments, fact, name_of, only_argument, plain
from leap_intercode.sql.mysql.block import Block, Handler
from leap_intercode.sql.mysql.dates import UNITS
from leap_intercode.sql.mysql.errors import unsupported, wrong_arguments
from leap_intercode.sql.mysql.kinds import CLOCK, DAY, INTEGER, MOMENT, STRING
from leap_intercode.sql.mysql.values import Value, as_text, quoted


def _interval_call(node: exp.Anonymous, block: Block) -> Value:
    name, parts = name_of(node).upper(), node.expressions
    if len(parts) != 2:
        raise wrong_arguments(name)
    sign = -1 if name in ("DATE_SUB", "SUBDATE") else 1
    interval = parts[1]
    if not isinstance(interval, exp.Interval):
        if name not in ("ADDDATE", "SUBDATE"):
            raise unsupported(f"{name} without INTERVAL")
        interval = exp.Interval(this=interval, unit=exp.var("DAY"))
    return moved(block.value(parts[0]), interval, sign, block)


_UNIT_SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86400}
_DAYS = frozenset(("DAY", "WEEK", "MONTH", "QUARTER", "YEAR", "YEAR_MONTH"))


def moved(base: Value, interval: exp.Interval, sign: int, block: Block) -> Value:
    """Return a date or time plus or minus an interval."""
    unit = str(interval.args["unit"].name if interval.args.get("unit") else "").upper()
    if unit not in UNITS or interval.this is None:
        raise unsupported(f"INTERVAL … {unit}")
    amount = block.value(interval.this)
    if base.kind.name == kinds.TIME:
        seconds = f"my_num({amount.sql}) * {_UNIT_SECONDS.get(unit, 1)}"
        return Value(f"my_addtime({base.sql}, my_sec_to_time({seconds}), {sign})", CLOCK)
    kind = base.kind if base.kind.temporal else STRING
    if kind.name == kinds.DATE and unit not in _DAYS:
        kind = MOMENT
    return Value(f"my_dateadd({base.sql}, {amount.sql}, {quoted(unit)}, {sign})", kind)


def _unit_call(node: exp.Anonymous, block: Block) -> Value:
    name, parts = name_of(node).upper(), node.expressions
    if len(parts) != 3:
        raise wrong_arguments(name)
    unit = parts[0].name.upper().removeprefix("SQL_TSI_")
    if unit not in UNITS:
        raise unsupported(f"{name}({unit} …)")
    if name == "TIMESTAMPADD":
        return moved(
            block.value(parts[2]), exp.Interval(this=parts[1], unit=exp.var(unit)), 1, block
        )
    first, second = block.value(parts[1]), block.value(parts[2])
    return Value(f"my_timestampdiff({quoted(unit)}, {first.sql}, {second.sql})", INTEGER)


def _add_time(sign: int) -> Handler:
    def handler(node: exp.Anonymous, block: Block) -> Value:
        values = arguments(node, block)
        if len(values) != 2:
            raise wrong_arguments(name_of(node))
        kind = values[0].kind if values[0].kind.temporal else STRING
        return Value(f"my_addtime({values[0].sql}, {values[1].sql}, {sign})", kind)

    return handler


def _str_to_date(node: exp.Anonymous, block: Block) -> Value:
    values = arguments(node, block)
    if len(values) != 2:
        raise wrong_arguments("STR_TO_DATE")
    pattern = str(values[1].literal)
    dated = any(f"%{sign}" in pattern for sign in "YymcdeDMb")
    timed = any(f"%{sign}" in pattern for sign in "HkhIlisSfTr")
    kind = MOMENT if dated and timed else CLOCK if timed else DAY
    return Value(f"my_str_to_date({as_text(values[0])}, {as_text(values[1])})", kind)


def _unix(node: exp.Anonymous, block: Block) -> Value:
    now = quoted(block.context.facts["now"])
    return Value(f"my_unix({only_argument(node, block).sql if node.expressions else now})", INTEGER)


DATE_CALLS: dict[str, Any] = {
    **dict.fromkeys(("DATE_ADD", "DATE_SUB", "ADDDATE", "SUBDATE"), _interval_call),
    **dict.fromkeys(("TIMESTAMPDIFF", "TIMESTAMPADD"), _unit_call),
    "ADDTIME": _add_time(1),
    "SUBTIME": _add_time(-1),
    "STR_TO_DATE": _str_to_date,
    **{
        name: plain(f"my_{name.lower()}", "d", INTEGER)
        for name in "YEAR MONTH QUARTER HOUR MINUTE SECOND MICROSECOND DAYOFWEEK WEEKDAY DAYOFYEAR "
        "TO_DAYS TO_SECONDS TIME_TO_SEC".split()
    },
    **dict.fromkeys(("DAY", "DAYOFMONTH"), plain("my_day", "d", INTEGER)),
    "DATE": plain("my_date", "d", DAY),
    "TIME": plain("my_time", "d", CLOCK),
    "TIMESTAMP": plain("my_datetime", "d", MOMENT),
    "WEEK": plain("my_week", "di", INTEGER, 1, ["0"]),
    "WEEKOFYEAR": lambda node, block: Value(
        f"my_week({only_argument(node, block).sql}, 3)", INTEGER
    ),
    "YEARWEEK": plain("my_yearweek", "di", INTEGER, 1, ["0"]),
    "DATE_FORMAT": plain("my_date_format", "dt", STRING),
    "TIME_FORMAT": plain("my_date_format", "dt", STRING),
    "DAYNAME": lambda node, block: Value(
        f"my_date_format({only_argument(node, block).sql}, '%W')", STRING
    ),
    "MONTHNAME": lambda node, block: Value(
        f"my_date_format({only_argument(node, block).sql}, '%M')", STRING
    ),
    "DATEDIFF": plain("my_datediff", "dd", INTEGER),
    "TIMEDIFF": plain("my_timediff", "dd", CLOCK),
    "LAST_DAY": plain("my_last_day", "d", DAY),
    "FROM_DAYS": plain("my_from_days", "i", DAY),
    "MAKEDATE": plain("my_makedate", "ii", DAY),
    "MAKETIME": plain("my_maketime", "iii", CLOCK),
    "SEC_TO_TIME": plain("my_sec_to_time", "n", CLOCK),
    "PERIOD_DIFF": plain("my_period_diff", "ii", INTEGER),
    "FROM_UNIXTIME": plain("my_from_unix", "n", MOMENT),
    "UNIX_TIMESTAMP": _unix,
    **dict.fromkeys(
        "NOW SYSDATE CURRENT_TIMESTAMP LOCALTIME LOCALTIMESTAMP UTC_TIMESTAMP".split(),
        fact("now", MOMENT),
    ),
    **dict.fromkeys(("CURDATE", "CURRENT_DATE", "UTC_DATE"), fact("today", DAY)),
    **dict.fromkeys(("CURTIME", "CURRENT_TIME", "UTC_TIME"), fact("clock", CLOCK)),
}
"""Handlers by the name in capitals."""
