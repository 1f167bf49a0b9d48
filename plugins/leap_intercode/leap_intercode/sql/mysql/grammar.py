"""MySQL's grammar for reading statements: sqlglot's parser, made as strict as the server.

Calls stay calls (sqlglot would turn many into functions of its own), words that MySQL reserves are
no names, clauses come in MySQL's order, and what does not parse is error 1064 with its place.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

from sqlglot import exp
from sqlglot.dialects.mysql import MySQL
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from leap_intercode.sql.mysql.errors import MysqlError, syntax, unsupported
from leap_intercode.sql.mysql.lexer import prepared, text_of
from leap_intercode.sql.mysql.words import CALLED, RESERVED

_Base: Any = MySQL.Parser
_CLAUSES = (
    TokenType.WHERE, TokenType.GROUP_BY, TokenType.HAVING, TokenType.WINDOW, TokenType.ORDER_BY,
    TokenType.LIMIT, TokenType.FOR, TokenType.LOCK,
)  # fmt: skip


class _Refused(Exception):
    """The statement cannot be read from a place on."""

    def __init__(self, place: int) -> None:
        super().__init__(str(place))
        self.place = place


def _is_count(node: Any) -> bool:
    return isinstance(node, exp.Literal) and not node.is_string and node.name.isdigit()


def _only(table: dict[Any, Any], *keys: str) -> dict[Any, Any]:
    return {key: table[key] for key in table if getattr(key, "name", key) in keys}


def _call(name: str) -> Any:
    return lambda: exp.Anonymous(this=name, expressions=[])


class Reader(_Base):
    """Parses one statement."""

    FUNCTIONS: ClassVar[dict[str, Any]] = {"ROW": lambda args: exp.Tuple(expressions=args)}
    FUNCTION_PARSERS: ClassVar[dict[str, Any]] = _only(
        _Base.FUNCTION_PARSERS, "CAST", "CONVERT", "EXTRACT", "GROUP_CONCAT", "POSITION",
        "SUBSTRING", "SUBSTR", "TRIM",
    )  # fmt: skip
    NO_PAREN_FUNCTION_PARSERS: ClassVar[dict[str, Any]] = _only(
        _Base.NO_PAREN_FUNCTION_PARSERS, "ANY", "CASE", "IF"
    )
    NO_PAREN_FUNCTIONS: ClassVar[dict[Any, Any]] = {
        token: _call(token.name)
        for token in _Base.NO_PAREN_FUNCTIONS
        if token.name not in ("CURRENT_DATETIME", "CURRENT_ROLE")
    }
    RANGE_PARSERS: ClassVar[dict[Any, Any]] = _only(
        _Base.RANGE_PARSERS, "BETWEEN", "IN", "IS", "LIKE", "RLIKE"
    )
    COLUMN_OPERATORS: ClassVar[dict[Any, Any]] = _only(_Base.COLUMN_OPERATORS, "DOT")
    EQUALITY: ClassVar[dict[Any, Any]] = _Base.EQUALITY
    QUERY_MODIFIER_PARSERS: ClassVar[dict[Any, Any]] = {
        token: parser for token, parser in _Base.QUERY_MODIFIER_PARSERS.items() if token in _CLAUSES
    }
    STATEMENT_PARSERS: ClassVar[dict[Any, Any]] = {}
    JOIN_METHODS: ClassVar[set[Any]] = {TokenType.NATURAL}
    JOIN_SIDES: ClassVar[set[Any]] = {TokenType.LEFT, TokenType.RIGHT}
    JOIN_KINDS: ClassVar[set[Any]] = {
        TokenType.INNER, TokenType.CROSS, TokenType.OUTER, TokenType.STRAIGHT_JOIN
    }  # fmt: skip
    PRIMARY_PARSERS: ClassVar[dict[Any, Any]] = {
        **_only(
            _Base.PRIMARY_PARSERS, "NATIONAL_STRING", "BIT_STRING", "HEX_STRING", "NUMBER",
            "INTRODUCER", "NULL", "TRUE", "FALSE", "SESSION_PARAMETER", "STAR",
        ),
        TokenType.STRING: lambda self, token: exp.Literal.string(
            text_of(self.sql[token.start : token.end + 1])
        ),
    }  # fmt: skip
    PLACEHOLDER_PARSERS: ClassVar[dict[Any, Any]] = _only(_Base.PLACEHOLDER_PARSERS, "PARAMETER")

    def raise_error(self, message: str, token: Token | None = None) -> None:
        """Refuse the statement at a token."""
        place = token if isinstance(token, Token) else self._curr
        raise _Refused(place.start if place else len(self.sql))

    def _parse_query_modifiers(self, this: Any) -> Any:
        if not isinstance(this, self.MODIFIABLES):
            return this
        done = [key for key in ("where", "group", "having", "order", "limit") if this.args.get(key)]
        before = self._curr
        for join in self._parse_joins():
            if done:
                self.raise_error("a join after other clauses", before)
            this.append("joins", join)
        last = -1
        while self._curr and self._curr.token_type in _CLAUSES:
            rank = _CLAUSES.index(self._curr.token_type)
            if rank <= last:
                self.raise_error("clauses in another order than MySQL's")
            last = rank
            following = self._next
            key, found = self.QUERY_MODIFIER_PARSERS[self._curr.token_type](self)
            if found is None:
                self.raise_error("an empty clause")
            if key == "limit" and not _is_count(found.expression):
                self.raise_error("LIMIT takes whole numbers", following)
            if key == "limit" and found.args.get("offset"):
                this.set("offset", exp.Offset(expression=found.args["offset"]))
                found.set("offset", None)
            if key == "limit" and self._match(TokenType.OFFSET):
                this.set("offset", exp.Offset(expression=self._parse_primary()))
            this.set(key, found)
        return this

    def parse_set_operation(self, this: Any, *given: Any, **named: Any) -> Any:
        """Read UNION, INTERSECT or EXCEPT and what follows, if one comes next."""
        if (
            self._curr
            and self._curr.token_type in self.SET_OPERATIONS
            and not isinstance(this, exp.Subquery)
            and any(this.args.get(key) for key in ("order", "limit", "locks"))
        ):
            self.raise_error("ORDER BY or LIMIT before UNION needs parentheses")
        return super().parse_set_operation(this, *given, **named)


class Dialect(MySQL):
    """MySQL as it is read here."""

    class Tokenizer(MySQL.Tokenizer):
        """Comments are gone before; `||` and `&&` are OR and AND."""

        COMMENTS: ClassVar[list[Any]] = []

    Parser = Reader


_DIALECT = Dialect()


def tokens_of(text: str) -> list[Token]:
    """Return the tokens of a prepared statement.

    Raises:
        MysqlError: something in it is no token.
    """
    try:
        return list(_DIALECT.tokenize(text))
    except SqlglotError:
        raise syntax(text, len(text)) from None


def parse_query(text: str) -> exp.Expr:
    """Return the tree of a query (SELECT, UNION, WITH …).

    Raises:
        MysqlError: 1064 with the place, where it cannot be read.
    """
    return tree_of(text, prepared(text))


def tree_of(text: str, plain: str) -> exp.Expr:
    """Return the tree of a query whose comments have been blanked out in `plain`."""
    tokens = tokens_of(plain)
    reader = Reader(dialect=_DIALECT)
    try:
        trees = reader.parse(tokens, plain)
    except _Refused as refused:
        raise syntax(text, refused.place) from None
    except RecursionError:
        raise MysqlError(1436, "Thread stack overrun: the statement is nested too deeply") from None
    except SqlglotError as error:
        raise unsupported(str(error).partition("\n")[0][:80]) from None
    tree = trees[0]
    if not isinstance(tree, (exp.Query, exp.Subquery)) or len(trees) != 1:
        raise syntax(text, 0)
    _check_names(tree, text)
    return tree


def _check_names(tree: exp.Expr, text: str) -> None:
    """Refuse words that are reserved where they stand as names."""
    for table in tree.find_all(exp.Table):
        if table.args.get("catalog"):
            end = table.args["db"].meta["end"]
            raise syntax(text, text.index(".", end))
    for query in tree.find_all(exp.Select):
        for star in query.expressions[1:]:
            if isinstance(star, exp.Star):
                raise syntax(text, _place_of_star(query, text))
    first: int | None = None
    for node in tree.find_all(exp.Identifier):
        if node.args.get("quoted") or node.name.upper() not in RESERVED:
            continue
        start, end = node.meta.get("start"), node.meta.get("end")
        if start is None or text[:start].rstrip().endswith(".") or text[start] in "'\"`":
            continue
        if node.name.upper() == "DUAL" and isinstance(node.parent, exp.Table):
            continue
        if isinstance(node.parent, exp.IndexTableHint):
            continue
        place = start
        if node.name.upper() in CALLED and end is not None:
            place = end + 1 + len(text[end + 1 :]) - len(text[end + 1 :].lstrip())
        first = place if first is None else min(first, place)
    if first is not None:
        raise syntax(text, first)


def _place_of_star(query: exp.Expr, text: str) -> int:
    """Return where a `*` stands that is not the first in its list."""
    before = 0
    for expression in query.expressions:
        if isinstance(expression, exp.Star):
            break
        ends = [n.meta["end"] for n in expression.find_all(exp.Identifier) if "end" in n.meta]
        before = max([before, *ends])
    found = re.compile(r",\s*\*").search(text, before)
    return found.end() - 1 if found else before
