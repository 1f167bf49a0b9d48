"""MySQL's meaning on SQLite: names, collation, coercion, functions, queries, SHOW, what is refused.

The answers are those of MariaDB 10.11 and, where the two differ, of MySQL 8.0.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leap_intercode.sql.mysql.collation import GENERAL, folded, general_key, uca_key
from leap_intercode.sql.mysql.texts import like
from tests.support.databases import engine

ENGINE = engine()


def answer(sql: str):
    found = ENGINE.run("shop", sql, 10)
    assert not found.error, found.error
    return found.rows


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        # names: a table named as its database, qualified by it, in any case, in backticks
        ("SELECT shop.Name FROM shop WHERE shop.id = 2", [("zoe",)]),
        ("SELECT s.name FROM SHOP.shop s WHERE shop.S.id = 2", [("zoe",)]),
        ("SELECT `shop`.`shop`.`ID` FROM `shop`.`shop` WHERE shop.shop.id = 2", [(2,)]),
        ("SELECT S.Name FROM shop AS s WHERE s.ID = 2", [("zoe",)]),
        ("SELECT id FROM other.thing", [(7,)]),
        ("SELECT COUNT(*) FROM sale, shop", [(12,)]),
        # comments, semicolons, literals
        ("SELECT 1 -- it's\n + 1 # it's\n /* it's */;;", [(2,)]),
        ("SELECT 10--5, 5/*!*2*/", [(15, 10)]),
        ("SELECT 'it''s', 'it\\'s', \"a\"\"b\", 'a' 'b'", [("it's", "it's", 'a"b', "ab")]),
        ("SELECT 0x41, b'101' + 0, 1e3, .5", [("A", 5, 1000.0, Decimal("0.5"))]),
        # collation: case, accents, blanks at the end
        ("SELECT id FROM shop WHERE Name = 'ZOE'", [(1,), (2,)]),
        ("SELECT COUNT(DISTINCT Name) FROM shop", [(2,)]),
        ("SELECT Name, COUNT(*) FROM shop GROUP BY Name ORDER BY 2 DESC LIMIT 1", [("Zoë ", 2)]),
        ("SELECT id FROM shop WHERE UPPER(Name) IN ('zoe', 'x') AND id = 2", [(2,)]),
        ("SELECT MAX(LOWER(Name)) FROM shop", [("zoë ",)]),
        ("SELECT 'a' = 'A', 'a' = BINARY 'A', 'a' LIKE 'A', 'ß' = 's'", [(1, 0, 1, 1)]),
        ("SELECT 'a' COLLATE utf8mb4_bin = 'A', 'a ' = 'a', 'a ' LIKE 'a'", [(0, 1, 0)]),
        ("SELECT DISTINCT kind FROM Sale", [("a",), ("b",), (None,)]),
        ("SELECT 'a' UNION SELECT 'A'", [("a",)]),
        # text and number
        ("SELECT id FROM shop WHERE size > 9.5", [(1,)]),
        ("SELECT '5' + 3, 'abc' = 0, 1 = '1x', '10' > '9', '10' > 9", [(8.0, 1, 1, 0, 1)]),
        (
            "SELECT size BETWEEN 9 AND 10, size IN (9, 11) FROM shop ORDER BY id",
            [(1, 0), (1, 1), (0, 0)],
        ),
        ("SELECT SUM(size), AVG(size), MAX(size) FROM shop WHERE id < 3", [(19.0, 9.5, "9")]),
        ("SELECT CAST('12abc' AS SIGNED), CAST(-3.5 AS SIGNED)", [(12, -4)]),
        ("SELECT x + 1 FROM (SELECT size AS x FROM shop) t WHERE x > 9.5", [(11.0,)]),
        # exact numbers
        (
            "SELECT 7/2, 5/2*2, 7 DIV 2, -7 % 3, 1/0",
            [(Decimal("3.5000"), Decimal("5.0000"), 3, -1, None)],
        ),
        (
            "SELECT 0.1 + 0.2 = 0.3, 1.10 + 2.20, 1.5 * 1.25",
            [(1, Decimal("3.30"), Decimal("1.875"))],
        ),
        (
            "SELECT SUM(paid), AVG(paid), SUM(id), AVG(id) FROM shop",
            [(Decimal("3.75"), Decimal("1.875000"), Decimal(6), Decimal("2.0000"))],
        ),
        (
            "SELECT ROUND(2.5), ROUND(-2.5), ROUND(2.5e0), ROUND(1234.567, -2), TRUNCATE(2.79, 1)",
            [(Decimal(3), Decimal(-3), 2.0, Decimal(1200), Decimal("2.7"))],
        ),
        ("SELECT amount FROM Sale WHERE amount >= 81.6", [(81.6,)]),
        ("SELECT SUM(amount), AVG(amount) FROM Sale WHERE sale_id < 4", [(0.6, 0.2)]),
        # NULL, XOR, quantifiers, rows
        (
            "SELECT NULL <=> NULL, 1 <=> NULL, 1 XOR NULL, 1 XOR 0, NOT NULL",
            [(1, 0, None, 1, None)],
        ),
        ("SELECT 2 > ANY (SELECT id FROM shop), 2 > ALL (SELECT id FROM shop)", [(1, 0)]),
        ("SELECT 1 NOT IN (2, NULL), 1 > ALL (SELECT id FROM shop WHERE 0)", [(None, 1)]),
        ("SELECT (1, 'A') IN ((1, 'a')), (1, 2) < (1, 3), ROW(1, 2) = (1, 2)", [(1, 1, 1)]),
        # dates
        ("SELECT id FROM shop WHERE day > '2020-2-1'", [(2,)]),
        (
            "SELECT seen = '2020-02-29', day < seen, day + 0 FROM shop WHERE id = 2",
            [(1, 0, 20200229)],
        ),
        (
            "SELECT day, seen FROM shop WHERE id = 1",
            [(date(2020, 1, 31), datetime(2020, 1, 31, 10))],
        ),
        (
            "SELECT day + INTERVAL 1 MONTH, DATEDIFF(seen, '2020-01-01') FROM shop WHERE id = 1",
            [(date(2020, 2, 29), 30)],
        ),
        (
            "SELECT NOW(), CURDATE(), YEAR(NOW())",
            [(datetime(2023, 6, 1, 12), date(2023, 6, 1), 2023)],
        ),
        (
            "SELECT DATE_FORMAT('2020-05-06', '%W %D %b %y'), STR_TO_DATE('6.5.2020', '%d.%m.%Y')",
            [("Wednesday 6th May 20", date(2020, 5, 6))],
        ),
        (
            "SELECT TIMEDIFF('10:00:00', '8:30:00'), TIMESTAMPDIFF(MONTH, '2020-1-31', '2020-3-1')",
            [(timedelta(hours=1, minutes=30), 1)],
        ),
        (
            "SELECT WEEK('2020-03-04'), WEEK('2020-03-04', 1), YEAR('2014'), YEAR(20200304)",
            [(9, 10, None, 2020)],
        ),
        # functions
        (
            "SELECT LENGTH('é'), CHAR_LENGTH('é'), INSTR('Hello', 'L'), LEFT('abc', -1)",
            [(2, 1, 3, "")],
        ),
        (
            "SELECT CONCAT('a', NULL), CONCAT_WS(',', 'a', NULL, 'b'), FORMAT(1234.5, 1)",
            [(None, "a,b", "1,234.5")],
        ),
        (
            "SELECT GREATEST(1, 2.5), LEAST('10', 9), IF('a', 1, 2), NULLIF('a', 'A')",
            [(Decimal("2.5"), 9.0, 2, None)],
        ),
        ("SELECT DATABASE(), VERSION(), 5 & 3, ~0", [("shop", "8.0.32", 1, 2**64 - 1)]),
        ("SELECT 'abc' REGEXP '^A', 'a_c' LIKE 'a\\_c', 'abc' LIKE 'a|%' ESCAPE '|'", [(1, 1, 0)]),
        # aggregates and windows
        ("SELECT GROUP_CONCAT(kind ORDER BY sale_id DESC SEPARATOR '-') FROM Sale", [("A-b-a",)]),
        (
            "SELECT GROUP_CONCAT(DISTINCT kind), COUNT(DISTINCT shop_id, kind) FROM Sale",
            [("a,b", 3)],
        ),
        (
            "SELECT shop_id, COUNT(*) FROM Sale GROUP BY shop_id WITH ROLLUP",
            [(None, 1), (1, 2), (3, 1), (None, 4)],
        ),
        (
            "SELECT sale_id, RANK() OVER (ORDER BY kind), SUM(sale_id) OVER w FROM Sale "  # noqa: ISC004
            "WHERE kind IS NOT NULL WINDOW w AS (PARTITION BY kind) ORDER BY sale_id",
            [(1, 1, Decimal(4)), (2, 3, Decimal(2)), (3, 1, Decimal(4))],
        ),
        (
            "SELECT kind, SUM(COUNT(*)) OVER (ORDER BY kind) FROM Sale GROUP BY kind ORDER BY kind",
            [(None, Decimal(1)), ("a", Decimal(3)), ("b", Decimal(4))],
        ),
        # joins, subqueries, WITH, set operations
        ("SELECT s.id FROM Sale RIGHT JOIN shop s ON s.id = shop_id WHERE sale_id IS NULL", [(2,)]),
        ("SELECT * FROM (SELECT 1 a, 2 b) x NATURAL JOIN (SELECT 1 a, 3 c) y", [(1, 2, 3)]),
        (
            "SELECT id FROM shop a JOIN (Sale b JOIN other.thing c) ON a.id = b.shop_id",
            None,
        ),
        (
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION SELECT i + 1 FROM n LIMIT 3) SELECT i FROM n",
            [(1,), (2,), (3,)],
        ),
        ("SELECT id FROM shop INTERSECT SELECT shop_id FROM Sale", [(3,), (1,)]),
        ("SELECT id FROM shop EXCEPT SELECT shop_id FROM Sale", [(2,)]),
        ("SELECT COUNT(*) FROM shop HAVING COUNT(*) > 2", [(3,)]),
        (
            "SELECT id FROM shop WHERE id IN (SELECT id FROM Sale GROUP BY id) ORDER BY 1",
            [(1,), (2,), (3,)],
        ),
        (
            "SELECT CASE kind WHEN 'A' THEN 1 ELSE 'x' END FROM Sale WHERE sale_id < 3",
            [("1",), ("x",)],
        ),
        ("SELECT @x := 5", [(5,)]),
        ("SELECT 'x' FROM DUAL", [("x",)]),
        # rows come as MySQL meets them: by primary key, or by an index that holds all
        ("SELECT id, price FROM shop", [(1, 2.5), (2, -1.0), (3, None)]),
        ("SELECT id FROM shop", [(3,), (1,), (2,)]),
        ("SELECT shop_id FROM Sale", [(None,), (1,), (1,), (3,)]),
        ("SELECT kind, COUNT(*) FROM Sale GROUP BY kind", [("a", 2), ("b", 1), (None, 1)]),
    ],
)
def test_mysqls_answer(sql, rows):
    if rows is None:
        assert ENGINE.run("shop", sql, 10).error
    else:
        assert answer(sql) == rows


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SHOW TABLES", [("sale",), ("shop",)]),
        ("SHOW FULL TABLES LIKE 's%p'", [("shop", "BASE TABLE")]),
        ("SHOW TABLES FROM other", [("thing",)]),
        ("SHOW TABLES WHERE Tables_in_shop = 'sale'", [("sale",)]),
        ("SHOW DATABASES LIKE 'o%'", [("other",)]),
        ("DESCRIBE Sale shop_id", [("shop_id", "int", "YES", "MUL", None, "")]),
        (
            "SHOW COLUMNS IN `shop` IN shop LIKE 'n%'",
            [("Name", "varchar(20)", "YES", "MUL", "none", "")],
        ),
        (
            "SHOW FIELDS FROM shop WHERE Field = 'id'",
            [("id", "int", "NO", "PRI", None, "auto_increment")],
        ),
        (
            "SELECT table_name FROM information_schema.tables WHERE table_schema='shop' ORDER BY 1",
            [("sale",), ("shop",)],
        ),
        (
            "SELECT referenced_table_name FROM information_schema.key_column_usage "  # noqa: ISC004
            "WHERE constraint_name = 'of_shop'",
            [("shop",)],
        ),
    ],
)
def test_the_schema_is_told(sql, rows):
    assert answer(sql) == rows


def test_a_table_is_shown_as_it_was_made():
    ((name, text),) = answer("SHOW CREATE TABLE SALE")
    assert name == "sale"
    assert "CONSTRAINT `of_shop` FOREIGN KEY" in text
    assert [row[2] for row in answer("SHOW INDEX FROM Sale")] == ["PRIMARY", "of_shop"]


@pytest.mark.parametrize(
    ("sql", "code", "sentence"),
    [
        ("SELECT Nme FROM shop", 1054, "Unknown column 'Nme' in 'field list'"),
        ("SELECT x.Name FROM shop", 1054, "Unknown column 'x.Name' in 'field list'"),
        ("SELECT id AS i FROM shop WHERE i = 1", 1054, "Unknown column 'i' in 'where clause'"),
        ("SELECT rowid FROM shop", 1054, "Unknown column 'rowid'"),
        ("SELECT id FROM shop a JOIN Sale b ON a.x = 1", 1054, "'a.x' in 'on clause'"),
        ("SELECT 1 FROM nowhere", 1146, "Table 'shop.nowhere' doesn't exist"),
        ("SELECT * FROM sqlite_master", 1146, "doesn't exist"),
        ("SELECT 1 FROM no.where_", 1049, "Unknown database 'no'"),
        ("SELECT id FROM shop, other.thing", 1052, "Column 'id' in field list is ambiguous"),
        ("SELECT 1 FROM shop, shop", 1066, "Not unique table/alias: 'shop'"),
        ("SELECT 1 FROM (SELECT 1)", 1248, "Every derived table must have its own alias"),
        ("SELECT * FROM (SELECT 1 a, 2 a) t", 1060, "Duplicate column name 'a'"),
        ("SELECT (SELECT id FROM shop)", 1242, "Subquery returns more than 1 row"),
        ("SELECT (SELECT 1, 2)", 1241, "Operand should contain 1 column(s)"),
        ("SELECT 1 IN (SELECT id FROM shop LIMIT 1)", 1235, "LIMIT & IN/ALL/ANY/SOME subquery"),
        ("SELECT 1 UNION SELECT 1, 2", 1222, "different number of columns"),
        ("SELECT 1 FROM shop WHERE COUNT(*) > 1", 1111, "Invalid use of group function"),
        ("SELECT kind, amount FROM Sale GROUP BY kind", 1055, "'shop.Sale.amount'"),
        ("SELECT COUNT(*), kind FROM Sale", 1140, "without GROUP BY"),
        ("SELECT DISTINCT kind FROM Sale ORDER BY amount", 3065, "incompatible with DISTINCT"),
        ("SELECT 1 FROM shop WHERE day > 'soon'", 1525, "Incorrect DATE value: 'soon'"),
        ("SELECT total(id) FROM shop", 1305, "FUNCTION shop.total does not exist"),
        ("SELECT sqlite_version()", 1305, "does not exist"),
        ("SELECT UPPER('a', 'b')", 1582, "Incorrect parameter count"),
        ("SELECT JSON_EXTRACT('{}', '$')", 1235, "doesn't yet support"),
        ("SELECT 9223372036854775807 * 2", 1690, "out of range"),
        ("DROP TABLE shop", 1290, "read-only"),
        ("SELECT LOAD_FILE('/etc/passwd')", 1227, "Access denied"),
    ],
)
def test_what_mysql_refuses_is_refused_with_its_number(sql, code, sentence):
    found = ENGINE.run("shop", sql, 10)
    assert (found.code, found.rows) == (code, None), found
    assert sentence in found.error


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id, COUNT(*) FROM Sale JOIN shop ON id = shop_id GROUP BY id, kind",
        "SELECT shop.*, COUNT(*) FROM shop JOIN Sale ON shop_id = id GROUP BY id",
        "SELECT Name FROM shop JOIN Sale ON shop_id = id GROUP BY shop_id",
        "SELECT kind, COUNT(*) FROM Sale WHERE amount = 1 GROUP BY kind, amount",
        "SELECT YEAR(day) + 1 FROM shop GROUP BY YEAR(day)",
        "SELECT t.kind, t.n FROM (SELECT kind, COUNT(*) n FROM Sale GROUP BY kind) t GROUP BY kind",
        "SELECT ANY_VALUE(amount) FROM Sale GROUP BY kind",
    ],
)
def test_what_depends_on_the_groups_is_no_error(sql):
    assert answer(sql) is not None


@pytest.mark.parametrize(
    ("sql", "near"),
    [
        ("SELEC 1", "SELEC 1"),
        ("SELECT FROM shop", "FROM shop"),
        ("SELECT id, FROM shop", "FROM shop"),
        ("SELECT id FROM <table>", "<table>"),
        ("SELECT [id] FROM shop", "[id] FROM shop"),
        ("SELECT id == 1 FROM shop", "= 1 FROM shop"),
        ("SELECT COUNT (*) FROM shop", "*) FROM shop"),
        ("SELECT rank FROM shop", "FROM shop"),
        ("SELECT id AS order FROM shop", "order FROM shop"),
        ("SELECT id FROM shop LIMIT 1 ORDER BY id", "ORDER BY id"),
        ("SELECT id FROM shop LIMIT 1 UNION SELECT 2", "UNION SELECT 2"),
        ("SELECT id FROM shop LIMIT -1", "-1"),
        ("SELECT 1; SELECT 2", "SELECT 2"),
        ("SELECT 'abc", "'abc"),
        ("SELECT 1\nFROM shop\nWHER id", "id"),
        ("SELECT id::int FROM shop", "::int FROM shop"),
        ("SELECT id FROM shop WHERE name ILIKE 'a'", "ILIKE 'a'"),
        ("SHOW TABLES` please", "` please"),
        ("DESC shop  DESC Sale", "DESC Sale"),
        ("I think it is 3", "I think it is 3"),
    ],
)
def test_what_does_not_parse_is_error_1064_with_its_place(sql, near):
    found = ENGINE.run("shop", sql, 10)
    assert found.code == 1064
    told = re.search(r"near '(.*)' at line (\d+)$", found.error, re.S)
    assert told
    assert told[1] == near


# -- properties -----------------------------------------------------------------------------------

WORDS = (
    "SELECT FROM WHERE shop id Name ( ) , * = '1' 1 + GROUP BY COUNT JOIN ON LIMIT -- ` ' ; AS"
).split()


@given(st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join))
def test_any_words_are_answered(sql):
    found = ENGINE.run("shop", sql, 2)
    assert found.error or found.rows is not None


@given(st.text(max_size=60))
def test_any_text_is_answered(sql):
    assert ENGINE.run("shop", sql, 2).error or sql.strip().upper().startswith("SELECT")


@given(
    st.text(max_size=12),
    st.text(alphabet="ab%_|é", max_size=8),
    st.text(alphabet="abé", max_size=8),
)
def test_like_is_what_its_pattern_says(value, pattern, plain):
    for text in (value, plain):
        made, escaped = "", False
        for sign in pattern:
            special = not escaped and sign in "%_"
            if sign == "|" and not escaped:
                escaped = True
                continue
            made += (".*" if sign == "%" else ".") if special else re.escape(folded(sign))
            escaped = False
        expected = re.fullmatch(made, folded(text), re.S) is not None
        assert like(text, pattern, "|", GENERAL) == expected


@given(st.text(max_size=20))
def test_collations_know_no_case_accents_or_blanks(text):
    assert general_key(text) == general_key(text + "  ")
    assert len(folded(text)) == len(text)
    if text.isascii():
        assert general_key(text) == general_key(text.upper())
        assert uca_key(text) == uca_key(text.lower())


@pytest.mark.parametrize(("one", "other"), [("é", "E"), ("ß", "s"), ("Ё", "е"), ("ı", "I")])
def test_letters_weigh_as_their_base(one, other):
    assert general_key(one) == general_key(other)


@pytest.mark.parametrize(
    ("one", "other"), [("ø", "o"), ("æ", "ae"), ("ﬁ", "fi"), ("й", "и"), ("가", "각")]
)
def test_other_letters_stay_apart(one, other):
    assert general_key(one) != general_key(other)
