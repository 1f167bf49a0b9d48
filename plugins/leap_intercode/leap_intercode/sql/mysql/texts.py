"""MySQL's functions on texts; SQLite calls these. Arguments are texts, whole numbers or None."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from leap_intercode.sql.mysql.collation import BINARY, GENERAL, KEY, UCA, folded
from leap_intercode.sql.mysql.errors import MysqlError
from leap_intercode.sql.mysql.numbers import text as shown

LONGEST = 1 << 20
"""Characters of a text that a function makes; MySQL answers NULL past max_allowed_packet."""


def _strict(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that gives None where an argument is None."""

    def called(*values: Any) -> Any:
        return None if None in values else function(*values)

    return called


def _bounded(parts: int, size: int) -> bool:
    return 0 <= parts * size <= LONGEST


def _concat_ws(separator: str | None, *parts: Any) -> str | None:
    if separator is None:
        return None
    return separator.join(part for part in parts if part is not None)


def _left(value: str, count: int) -> str:
    return value[: max(0, count)]


def _right(value: str, count: int) -> str:
    return value[-count:] if count > 0 else ""


def _substring(value: str, start: int, *count: int) -> str:
    if (count and count[0] <= 0) or start == 0 or abs(start) > len(value):
        return ""
    first = start - 1 if start > 0 else len(value) + start
    return value[first : first + count[0]] if count else value[first:]


def _substring_index(value: str, mark: str, count: int) -> str:
    if not mark or not count:
        return ""
    parts = value.split(mark)
    return mark.join(parts[:count] if count > 0 else parts[count:])


def _trim(value: str, mark: str, side: str) -> str:
    if not mark:
        return value
    while side in ("BOTH", "LEADING") and value.startswith(mark):
        value = value[len(mark) * max(1, _run(value, mark)) :]
    while side in ("BOTH", "TRAILING") and value.endswith(mark):
        value = value[: -len(mark)] if len(mark) > 1 else value.rstrip(mark)
    return value


def _run(value: str, mark: str) -> int:
    count = 0
    while value.startswith(mark, count * len(mark)):
        count += 1
    return count


def _pad(left: bool) -> Callable[[str, int, str], str | None]:
    def called(value: str, length: int, mark: str) -> str | None:
        if length < 0 or length > LONGEST or (not mark and length > len(value)):
            return None
        missing = length - len(value)
        if missing <= 0:
            return value[:length]
        fill = (mark * (missing // len(mark) + 1))[:missing]
        return fill + value if left else value + fill

    return called


def _repeat(value: str, count: int) -> str | None:
    return value * max(0, count) if _bounded(max(0, count), len(value)) else None


def _replace(value: str, old: str, new: str) -> str | None:
    if not old:
        return value
    size = len(value) + value.count(old) * (len(new) - len(old))
    return value.replace(old, new) if size <= LONGEST else None


def _concat(*parts: Any) -> str | None:
    if None in parts or sum(map(len, parts)) > LONGEST:
        return None
    return "".join(parts)


def _position(mark: str, value: str, start: int, collation: str) -> int:
    fold = (lambda x: x) if collation == BINARY else folded
    return fold(value).find(fold(mark), start - 1) + 1 if start > 0 else 0


def _insert(value: str, start: int, count: int, new: str) -> str:
    if not 1 <= start <= len(value):
        return value
    end = len(value) if count < 0 else start - 1 + count
    return value[: start - 1] + new + value[end:]


def _strcmp(one: str, other: str, collation: str) -> int:
    first: Any = KEY[collation](one)
    second: Any = KEY[collation](other)
    return int(first > second) - int(first < second)


def _field(collation: str, value: Any, *others: Any) -> int:
    if value is None:
        return 0
    key = KEY[collation] if isinstance(value, str) else (lambda x: x)
    places = [n for n, o in enumerate(others, 1) if o is not None and key(o) == key(value)]
    return places[0] if places else 0


def _find_in_set(value: str, items: str) -> int:
    found = [KEY[GENERAL](item) for item in items.split(",")] if items else []
    key = KEY[GENERAL](value)
    return found.index(key) + 1 if key in found else 0


def _elt(place: Any, *values: Any) -> Any:
    return values[place - 1] if place is not None and 1 <= place <= len(values) else None


def _hex(value: Any) -> str:
    if isinstance(value, (int, float)):
        return f"{round(value) & 0xFFFFFFFFFFFFFFFF:X}"
    return (value.encode() if isinstance(value, str) else value).hex().upper()


def _unhex(value: str) -> str | None:
    try:
        return bytes.fromhex(value if len(value) % 2 == 0 else "0" + value).decode(
            "utf-8", "replace"
        )
    except ValueError:
        return None


def _char(*codes: Any) -> str:
    made = b"".join(
        code.to_bytes(max(1, (code.bit_length() + 7) // 8), "big")
        for code in (int(c) & 0xFFFFFFFF for c in codes if c is not None)
    )
    return made.decode("utf-8", "replace")


def _soundex(value: str) -> str:
    codes = {
        c: str(n)
        for n, group in enumerate(("BFPV", "CGJKQSXZ", "DT", "L", "MN", "R"), 1)
        for c in group
    }
    letters = [c for c in value.upper() if c.isalpha()]
    if not letters:
        return ""
    made, last = letters[0], codes.get(letters[0])
    for letter in letters[1:]:
        code = codes.get(letter)
        if letter in "HW":
            continue
        if code and code != last:
            made += code
        last = code
    return made.ljust(4, "0")


def _base64(value: str) -> str:
    return base64.encodebytes(value.encode()).decode().rstrip("\n")


def _from_base64(value: str) -> str | None:
    try:
        return base64.b64decode(value, validate=False).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return None


def _sha2(value: str, bits: int) -> str | None:
    name = {0: "sha256", 224: "sha224", 256: "sha256", 384: "sha384", 512: "sha512"}.get(bits)
    return hashlib.new(name, value.encode()).hexdigest() if name else None


def _quote(value: Any) -> str:
    if value is None:
        return "NULL"
    return "'" + re.sub(r"(['\\])", r"\\\1", value) + "'"


# -- patterns ------------------------------------------------------------------------------------


@lru_cache(maxsize=512)
def _segments(pattern: str, escape: str) -> tuple[re.Pattern[str] | str, ...]:
    """Return what stands between the `%` of a pattern: texts, or expressions where it has `_`."""
    made: list[re.Pattern[str] | str] = []
    plain: list[str] = []
    expression: list[str] = []
    wild = escaped = False
    for sign in [*pattern, None]:
        if sign is None or (sign == "%" and not escaped):
            made.append(re.compile("".join(expression), re.S) if wild else "".join(plain))
            plain, expression, wild = [], [], False
        elif sign == escape and not escaped:
            escaped = True
            continue
        else:
            wild = wild or (sign == "_" and not escaped)
            plain.append(sign)
            expression.append("." if sign == "_" and not escaped else re.escape(sign))
        escaped = False
    return tuple(made)


def _found(segment: re.Pattern[str] | str, value: str, start: int) -> int:
    """Return where the first match of a segment ends; -1 if there is none."""
    if isinstance(segment, str):
        place = value.find(segment, start)
        return place + len(segment) if place >= 0 else -1
    match = segment.search(value, start)
    return match.end() if match else -1


def _length(segment: re.Pattern[str] | str) -> int:
    """Return how many characters a segment matches: always as many."""
    return (
        len(segment) if isinstance(segment, str) else len(re.sub(r"\\(.)", r"\1", segment.pattern))
    )


def _matches(segments: Sequence[re.Pattern[str] | str], value: str) -> bool:
    """Whether a text is the segments with anything between them; in linear time for each."""
    first, *others = segments
    if not others:
        return first == value if isinstance(first, str) else bool(first.fullmatch(value))
    if isinstance(first, str):
        if not value.startswith(first):
            return False
    elif not first.match(value):
        return False
    last = others.pop()
    place, end = _length(first), len(value) - _length(last)
    for segment in others:
        place = _found(segment, value, place)
        if place < 0:
            return False
    if place > end:
        return False
    return value.endswith(last) if isinstance(last, str) else bool(last.match(value, end))


def like(value: Any, pattern: Any, escape: str, collation: str) -> int | None:
    """Return whether a text is LIKE a pattern, character by character under the collation."""
    if value is None or pattern is None:
        return None
    if collation != BINARY:
        value, pattern = folded(value), folded(pattern)
    return int(_matches(_segments(pattern, escape), value))


_CLASSES = {
    "alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "space": r"\s", "upper": "A-Z",
    "lower": "a-z", "punct": "!-/:-@\\[-`{-~", "xdigit": "0-9a-fA-F", "blank": " \\t",
}  # fmt: skip


@lru_cache(maxsize=512)
def _expression(pattern: str, exact_case: bool, mode: str) -> re.Pattern[str]:
    plain = re.sub(r"\[:(\w+):\]", lambda m: _CLASSES.get(m[1], m[0]), pattern)
    flags = re.RegexFlag(0) if exact_case or "c" in mode else re.I
    flags |= (re.M if "m" in mode else re.RegexFlag(0)) | (re.S if "n" in mode else re.RegexFlag(0))
    try:
        return re.compile(plain, flags)
    except (re.error, OverflowError, RecursionError) as error:
        raise MysqlError(3685, "Illegal argument to a regular expression.") from error


def _regexp(value: str, pattern: str, mode: str, collation: str) -> int:
    return int(_expression(pattern, collation == BINARY, mode).search(value) is not None)


def _regexp_replace(value: str, pattern: str, new: str, collation: str) -> str:
    made = re.sub(r"\$(\d)", r"\\\1", new.replace("\\", "\\\\"))
    return _expression(pattern, collation == BINARY, "").sub(made, value)


def _regexp_substr(value: str, pattern: str, collation: str) -> str | None:
    found = _expression(pattern, collation == BINARY, "").search(value)
    return found[0] if found else None


def _regexp_instr(value: str, pattern: str, collation: str) -> int:
    found = _expression(pattern, collation == BINARY, "").search(value)
    return found.start() + 1 if found else 0


def key_of(*values: Any) -> str | None:
    """Return one text for several values that compare equal where they all do; None with NULL."""
    if None in values:
        return None
    return "\x00".join(
        KEY[GENERAL](v) + "\x01" if isinstance(v, str) else (shown(v) or "")  # type: ignore[operator]
        for v in values
    )


FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    "my_concat": (-1, _concat),
    "my_concat_ws": (-1, _concat_ws),
    "my_length": (1, _strict(lambda v: len(v.encode()) if isinstance(v, str) else len(v))),
    "my_char_length": (1, _strict(len)),
    "my_upper": (1, _strict(str.upper)),
    "my_lower": (1, _strict(str.lower)),
    "my_left": (2, _strict(_left)),
    "my_right": (2, _strict(_right)),
    "my_substring": (-1, _strict(_substring)),
    "my_substring_index": (3, _strict(_substring_index)),
    "my_trim": (3, _strict(_trim)),
    "my_lpad": (3, _strict(_pad(True))),
    "my_rpad": (3, _strict(_pad(False))),
    "my_repeat": (2, _strict(_repeat)),
    "my_replace": (3, _strict(_replace)),
    "my_reverse": (1, _strict(lambda v: v[::-1])),
    "my_position": (4, _strict(_position)),
    "my_insert": (4, _strict(_insert)),
    "my_strcmp": (3, _strict(_strcmp)),
    "my_field": (-1, _field),
    "my_find_in_set": (2, _strict(_find_in_set)),
    "my_elt": (-1, _elt),
    "my_ascii": (1, _strict(lambda v: v.encode()[0] if v else 0)),
    "my_ord": (1, _strict(lambda v: int.from_bytes(v[0].encode(), "big") if v else 0)),
    "my_hex": (1, _strict(_hex)),
    "my_unhex": (1, _strict(_unhex)),
    "my_char": (-1, _char),
    "my_soundex": (1, _strict(_soundex)),
    "my_to_base64": (1, _strict(_base64)),
    "my_from_base64": (1, _strict(_from_base64)),
    "my_md5": (1, _strict(lambda v: hashlib.md5(v.encode(), usedforsecurity=False).hexdigest())),
    "my_sha1": (1, _strict(lambda v: hashlib.sha1(v.encode(), usedforsecurity=False).hexdigest())),
    "my_sha2": (2, _strict(_sha2)),
    "my_quote": (1, _quote),
    "my_like": (4, like),
    "my_regexp": (4, _strict(_regexp)),
    "my_regexp_replace": (4, _strict(_regexp_replace)),
    "my_regexp_substr": (3, _strict(_regexp_substr)),
    "my_regexp_instr": (3, _strict(_regexp_instr)),
    "my_key": (-1, key_of),
}
"""Names, how many arguments (-1: any), and functions."""

__all__ = ["FUNCTIONS", "GENERAL", "UCA", "key_of", "like"]
