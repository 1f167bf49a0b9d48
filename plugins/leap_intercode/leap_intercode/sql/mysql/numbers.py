"""Numbers as MySQL reads, rounds and writes them; SQLite calls these."""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Callable
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from leap_intercode.sql.mysql.kinds import exact

_PREFIX = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)")
_WHOLE = re.compile(r"\s*([+-]?\d+)")
_LARGEST = 9223372036854775807
_BITS = 0xFFFFFFFFFFFFFFFF


def number(value: Any) -> float | int | None:
    """Return the number at the beginning of a text, as a double; 0 if there is none."""
    if value is None or isinstance(value, (int, float)):
        return value
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    found = _PREFIX.match(value)
    return float(found[1]) if found else 0.0


def text(value: Any) -> str | None:
    """Return a number as MySQL writes it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, int):
        return str(value)
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    shown = repr(value).replace("e+", "e")
    return re.sub(r"\.0(?=e|$)", "", re.sub(r"e(-?)0+", r"e\1", shown))


def decimal_text(value: Any, scale: int) -> str | None:
    """Return a decimal with all digits of its scale."""
    return None if value is None else f"{exact(value, scale):f}"


def signed(value: Any) -> int | None:
    """Return CAST(… AS SIGNED)."""
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, float):
        return (
            max(-_LARGEST - 1, min(_LARGEST, int(exact(value, 0)))) if math.isfinite(value) else 0
        )
    found = _WHOLE.match(text(value) or "")
    return max(-_LARGEST - 1, min(_LARGEST, int(found[1][:40]))) if found else 0


def unsigned(value: Any) -> int | None:
    """Return CAST(… AS UNSIGNED), kept as a signed 64-bit integer."""
    return signed(value)


def cast_decimal(value: Any, precision: int, scale: int) -> float | int | None:
    """Return CAST(… AS DECIMAL(precision, scale)): rounded, and cut to what fits."""
    found = number(value)
    if found is None:
        return None
    most = Decimal(10) ** (precision - scale) - Decimal(1).scaleb(-scale)
    try:
        kept = max(-most, min(most, exact(found, scale)))
    except InvalidOperation:
        kept = most if found > 0 else -most
    return int(kept) if scale == 0 and abs(kept) <= _LARGEST else float(kept)


def rounded(value: Any, digits: Any, inexact: int) -> float | int | None:
    """Return ROUND(value, digits): decimals away from zero, doubles to even."""
    if value is None or digits is None:
        return None
    places = max(-30, min(30, int(digits)))
    if isinstance(value, float) and not math.isfinite(value):
        return value
    if inexact:
        return float(round(float(value), places))
    kept = Decimal(repr(value)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    return int(kept) if isinstance(value, int) else float(kept)


def truncated(value: Any, digits: Any) -> float | int | None:
    """Return TRUNCATE(value, digits)."""
    if value is None or digits is None:
        return None
    places = max(-30, min(30, int(digits)))
    kept = Decimal(repr(value)).quantize(Decimal(1).scaleb(-places), ROUND_DOWN)
    return int(kept) if isinstance(value, int) else float(kept)


def whole_quotient(left: Any, right: Any) -> int | None:
    """Return left DIV right."""
    if left is None or right is None or right == 0:
        return None
    if isinstance(left, int) and isinstance(right, int):
        return abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
    return int(Decimal(repr(left)) / Decimal(repr(right)))


def remainder(left: Any, right: Any) -> float | int | None:
    """Return left % right, with the sign of the left."""
    if left is None or right is None or right == 0:
        return None
    if isinstance(left, int) and isinstance(right, int):
        return (
            int(math.fmod(left, right))
            if abs(left) < 2**53
            else abs(left) % abs(right) * (1 if left > 0 else -1)
        )
    return float(Decimal(repr(left)) % Decimal(repr(right)))


def _safe(function: Callable[..., float]) -> Callable[..., float | None]:
    def called(*values: Any) -> float | None:
        if None in values:
            return None
        try:
            found = function(*values)
        except (ValueError, OverflowError, ZeroDivisionError):
            return None
        return found if isinstance(found, int) or math.isfinite(found) else None

    return called


def _log(*values: float) -> float:
    return math.log(values[0]) if len(values) == 1 else math.log(values[1], values[0])


def bits(name: str) -> Callable[[Any, Any], int | None]:
    """Return an operation on 64 unsigned bits, as a signed integer."""
    operations: dict[str, Callable[[int, int], int]] = {
        "and": lambda a, b: a & b,
        "or": lambda a, b: a | b,
        "xor": lambda a, b: a ^ b,
        "left": lambda a, b: a << b if b < 64 else 0,
        "right": lambda a, b: a >> b if b < 64 else 0,
    }
    operation = operations[name]

    def called(left: Any, right: Any) -> int | None:
        one, other = signed(left), signed(right)
        if one is None or other is None:
            return None
        return wrapped(operation(one & _BITS, other & _BITS))

    return called


def wrapped(value: int) -> int:
    """Return 64 bits as the signed integer that SQLite keeps."""
    value &= _BITS
    return value - (1 << 64) if value > _LARGEST else value


def conv(value: Any, base: Any, to: Any) -> str | None:
    """Return CONV(value, from, to)."""
    if value is None or not base or not to or not 2 <= abs(to) <= 36 or not 2 <= abs(base) <= 36:
        return None
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"[: abs(base)]
    found = re.match(rf"\s*(-?[{digits}]*)", (text(value) or "").lower())
    left = int(found[1], abs(base)) if found and found[1].strip("-") else 0
    left = left & _BITS if to > 0 else left
    shown, rest = "", abs(left)
    while rest:
        rest, digit = divmod(rest, abs(to))
        shown = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[digit] + shown
    return ("-" if left < 0 else "") + (shown or "0")


def formatted(value: Any, digits: Any) -> str | None:
    """Return FORMAT(value, digits)."""
    found = number(value)
    if found is None or digits is None:
        return None
    places = max(0, min(30, int(digits)))
    return f"{Decimal(repr(found)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP):,.{places}f}"


def _bit_count(value: Any) -> int | None:
    found = signed(value)
    return None if found is None else (found & _BITS).bit_count()


def _sign(value: Any) -> int | None:
    return None if value is None else (value > 0) - (value < 0)


FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    "my_num": (1, number),
    "my_text": (1, text),
    "my_dectext": (2, decimal_text),
    "my_signed": (1, signed),
    "my_castdec": (3, cast_decimal),
    "my_round": (3, rounded),
    "my_truncate": (2, truncated),
    "my_div": (2, whole_quotient),
    "my_mod": (2, remainder),
    "my_floor": (1, _safe(math.floor)),
    "my_ceil": (1, _safe(math.ceil)),
    "my_sign": (1, _sign),
    "my_sqrt": (1, _safe(math.sqrt)),
    "my_pow": (2, _safe(lambda a, b: float(a) ** b)),
    "my_exp": (1, _safe(math.exp)),
    "my_log": (-1, _safe(_log)),
    "my_log2": (1, _safe(math.log2)),
    "my_log10": (1, _safe(math.log10)),
    "my_sin": (1, _safe(math.sin)),
    "my_cos": (1, _safe(math.cos)),
    "my_tan": (1, _safe(math.tan)),
    "my_cot": (1, _safe(lambda a: 1 / math.tan(a))),
    "my_asin": (1, _safe(math.asin)),
    "my_acos": (1, _safe(math.acos)),
    "my_atan": (-1, _safe(lambda *v: math.atan(v[0]) if len(v) == 1 else math.atan2(*v))),
    "my_radians": (1, _safe(math.radians)),
    "my_degrees": (1, _safe(math.degrees)),
    "my_and": (2, bits("and")),
    "my_or": (2, bits("or")),
    "my_xor": (2, bits("xor")),
    "my_shl": (2, bits("left")),
    "my_shr": (2, bits("right")),
    "my_not": (1, lambda value: None if value is None else wrapped(~(signed(value) or 0))),
    "my_bit_count": (1, _bit_count),
    "my_conv": (3, conv),
    "my_format": (2, formatted),
    "my_crc32": (1, lambda v: None if v is None else zlib.crc32((text(v) or "").encode())),
}
"""Names, how many arguments (-1: any), and functions."""
