"""A small shop of our own, and questions about it: the same on every machine."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from leap_intercode.sql.dump import Column, Database, Table

SPLITS = ("train", "validation", "test")
DEFAULT_SIZES = {"train": 120, "validation": 40, "test": 40}
TASK_TYPES = ("filter", "count", "group", "join")
NAME = "shop"

_CITIES = ("Bergen", "Cadiz", "Dover", "Essen", "Ghent", "Izmir", "Lyon", "Porto")
_KINDS = ("book", "game", "lamp", "tool", "toy")
_FIRST = "Ada Ben Cleo Dan Eva Finn Gil Hana Ivo June Karl Lea Max Nora Otto Pia".split()
_LAST = "Abel Brandt Costa Dietz Evers Falk Grau Holm Iversen Jost".split()
_STATES = ("open", "paid", "sent")


@lru_cache(maxsize=16)
def database(seed: int) -> Database:
    """The shop: customers, products, orders."""
    chance = random.Random(f"shop {seed}")
    customers = [
        (i, f"{chance.choice(_FIRST)} {chance.choice(_LAST)}", chance.choice(_CITIES),
         chance.randint(18, 80))
        for i in range(1, 41)
    ]  # fmt: skip
    products = [
        (i, f"{kind} {i}", kind, chance.randint(2, 200))
        for i in range(1, 31)
        for kind in [chance.choice(_KINDS)]
    ]
    orders = [
        (i, chance.randint(1, 40), chance.randint(1, 30), chance.randint(1, 6),
         chance.choice(_STATES), f"2024-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}")
        for i in range(1, 121)
    ]  # fmt: skip
    tables: tuple[tuple[str, str, Sequence[tuple[Any, ...]]], ...] = (
        ("customers", "id int, name text, city text, age int", customers),
        ("products", "id int, name text, kind text, price int", products),
        (
            "orders",
            "id int, customer_id int, product_id int, amount int, state text, day text",
            orders,
        ),
    )
    made = {}
    for name, columns, rows in tables:
        parts = [part.split() for part in columns.split(", ")]
        made[name] = Table(
            name, [Column(c, k, key="PRI" if c == "id" else "") for c, k in parts], list(rows)
        )
    return Database(NAME, made)


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its gold query, and the tables that it needs."""

    query: str
    gold: str
    task_type: str
    tables: tuple[str, ...]


_Draw = Callable[[random.Random], dict[str, str]]


def _draw(chance: random.Random) -> dict[str, str]:
    return {
        "city": chance.choice(_CITIES),
        "kind": chance.choice(_KINDS),
        "state": chance.choice(_STATES),
        "age": str(chance.randint(25, 70)),
        "price": str(chance.randint(10, 180)),
        "month": f"{chance.randint(1, 12):02d}",
        "few": str(chance.randint(2, 5)),
        "id": str(chance.randint(1, 40)),
    }


TEMPLATES = (
    Question("What are the names of the customers in {city}?",
             "SELECT name FROM customers WHERE city = '{city}'", "filter", ("customers",)),
    Question("Which customers are older than {age}? Give name and age, the oldest first.",
             "SELECT name, age FROM customers WHERE age > {age} ORDER BY age DESC, id",
             "filter", ("customers",)),
    Question("What are the names of the products that cost less than {price}?",
             "SELECT name FROM products WHERE price < {price}", "filter", ("products",)),
    Question("Give the name and price of the {few} cheapest products of kind {kind}.",
             "SELECT name, price FROM products WHERE kind = '{kind}' ORDER BY price, id "
             "LIMIT {few}", "filter", ("products",)),
    Question("How many customers live in {city}?",
             "SELECT COUNT(*) FROM customers WHERE city = '{city}'", "count", ("customers",)),
    Question("How many orders are in state {state}?",
             "SELECT COUNT(*) FROM orders WHERE state = '{state}'", "count", ("orders",)),
    Question("What is the highest price of a product of kind {kind}?",
             "SELECT MAX(price) FROM products WHERE kind = '{kind}'", "count", ("products",)),
    Question("How many orders were placed in month {month} of 2024?",
             "SELECT COUNT(*) FROM orders WHERE day LIKE '2024-{month}-%'", "count", ("orders",)),
    Question("How many products cost more than {price}?",
             "SELECT COUNT(*) FROM products WHERE price > {price}", "count", ("products",)),
    Question("How many customers older than {age} are there in each city? "
             "Give the city and the number, by city.",
             "SELECT city, COUNT(*) FROM customers WHERE age > {age} GROUP BY city ORDER BY city",
             "group", ("customers",)),
    Question("Which kinds have at least {few} products cheaper than {price}? Sort by kind.",
             "SELECT kind FROM products WHERE price < {price} GROUP BY kind "
             "HAVING COUNT(*) >= {few} ORDER BY kind", "group", ("products",)),
    Question("How many pieces were ordered in each state in month {month} of 2024? "
             "Give the state and the sum of amounts, by state.",
             "SELECT state, SUM(amount) FROM orders WHERE day LIKE '2024-{month}-%' "
             "GROUP BY state ORDER BY state", "group", ("orders",)),
    Question("Which products did customer number {id} order? Give each name once, sorted.",
             "SELECT DISTINCT p.name FROM orders o JOIN products p ON o.product_id = p.id "
             "WHERE o.customer_id = {id} ORDER BY p.name", "join", ("orders", "products")),
    Question("What are the names of the customers in {city} with an order in state {state}? "
             "Give each once, sorted.",
             "SELECT DISTINCT c.name FROM customers c JOIN orders o ON o.customer_id = c.id "
             "WHERE c.city = '{city}' AND o.state = '{state}' ORDER BY c.name",
             "join", ("customers", "orders")),
    Question("How many orders in state {state} are for products of kind {kind}?",
             "SELECT COUNT(*) FROM orders o JOIN products p ON o.product_id = p.id "
             "WHERE p.kind = '{kind}' AND o.state = '{state}'", "join", ("orders", "products")),
    Question("How many orders from {city} are there for products of kind {kind}?",
             "SELECT COUNT(*) FROM orders o JOIN customers c ON o.customer_id = c.id "
             "JOIN products p ON o.product_id = p.id "
             "WHERE c.city = '{city}' AND p.kind = '{kind}'",
             "join", ("orders", "customers", "products")),
)  # fmt: skip


def questions(seed: int, split: str, size: int, task_types: Sequence[str]) -> list[Question]:
    """The questions of a split; no question is in two splits."""
    kinds = [template for template in TEMPLATES if template.task_type in task_types]
    found: list[Question] = []
    seen: set[str] = set()
    draws = 0
    while len(found) < size:
        chance = random.Random(f"question {seed} {draws}")
        template = kinds[draws % len(kinds)]
        values = _draw(chance)
        query = template.query.format(**values)
        draws += 1
        # A question's own words say which split it belongs to, whatever the sizes.
        mine = SPLITS[(0, 0, 0, 1, 2)[random.Random(query).randrange(5)]]
        if draws > 200 * size:
            break
        if mine == split and query not in seen:
            seen.add(query)
            gold = template.gold.format(**values)
            found.append(Question(query, gold, template.task_type, template.tables))
    return found
