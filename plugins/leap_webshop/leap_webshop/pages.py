"""The pages of the store: what they say and what can be clicked, as upstream shows them in text."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from leap_webshop.product import Product

PAGE_SIZE = 10
BACK, PREVIOUS, NEXT, BUY = "back to search", "< prev", "next >", "buy now"
SUB_PAGES = ("description", "features", "reviews", "attributes")

Kind = Literal["text", "button", "option", "chosen", "product", "visited"]
Mode = Literal["text_rich", "text"]
_SPACES = " \n\t\f\r"


@dataclass(frozen=True, slots=True)
class Node:
    """A piece of a page; a "chosen" option and a "visited" product were clicked before."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    """A page as a list of its pieces."""

    nodes: tuple[Node, ...]

    def text(self, mode: Mode = "text_rich") -> str:
        """The page as upstream's text environment prints it."""
        nodes = [node for node in map(_parsed, self.nodes) if node.text]
        if mode == "text":
            return " [SEP] ".join(node.text.strip() for node in nodes)
        text = ""
        for node in nodes:
            if node.kind == "chosen":
                # Upstream puts this line before whatever the page says so far.
                text = f"You have clicked {node.text}.\n{text}"
            text += _FORMATS[node.kind].format(node.text) + "\n"
        return text

    def clickables(self) -> tuple[str, ...]:
        """Names of what can be clicked: buttons, then products, then options."""
        names = [n.text.lower() for n in self.nodes if n.kind == "button"]
        names += [n.text.lower() for n in self.nodes if n.kind in ("product", "visited")]
        names += [n.text for n in self.nodes if n.kind in ("option", "chosen")]
        return tuple(dict.fromkeys(names))


_FORMATS: dict[Kind, str] = {
    "text": "{}",
    "button": "[button] {} [button_]",
    "option": "  [button] {} [button_]",
    "chosen": "  [clicked button] {} [clicked button_]",
    "product": "\n[button] {} [button_]",
    "visited": "\n[clicked button] {} [clicked button_]",
}


def _parsed(node: Node) -> Node:
    """A piece as upstream's HTML parser leaves it: of blanks alone one stays, or none."""
    if node.text.strip(_SPACES):
        return node
    return Node(node.kind, " " if node.text and "\n" not in node.text else "")


def search_page(instruction: str) -> Page:
    """Where an episode begins."""
    return Page((*_texts("WebShop", "Instruction: ", instruction), Node("button", "Search")))


def results_page(
    instruction: str, products: Sequence[Product], number: int, total: int, visited: Collection[str]
) -> Page:
    """One page of search results; "Next >" is always there."""
    nodes = _head(instruction)
    nodes += _texts(f"Page {number} (Total results: {total})")
    if number > 1:
        nodes.append(Node("button", "< Prev"))
    nodes.append(Node("button", "Next >"))
    for product in products:
        nodes.append(Node("visited" if product.asin in visited else "product", product.asin))
        nodes += _texts(product.title, product.price_tag)
    return Page(tuple(nodes))


def item_page(
    instruction: str, product: Product, address: str, show_attributes: bool = False
) -> Page:
    """A product's page. An option counts as chosen if `address` holds its value in quotes."""
    nodes = [*_head(instruction), Node("button", "< Prev")]
    for name, values in product.options.items():
        nodes += _texts(name)
        nodes += [Node("chosen" if f'"{v}"' in address else "option", v) for v in values]
    nodes += _texts(product.title, f"Price: {product.price_tag}", "Rating: N.A.")
    buttons = ["Description", "Features", "Reviews", *(["Attributes"] if show_attributes else [])]
    nodes += [Node("button", name) for name in (*buttons, "Buy Now")]
    return Page(tuple(nodes))


def sub_page(instruction: str, product: Product, name: str) -> Page:
    """A product's description, features, reviews (there are none) or attributes."""
    nodes = [*_head(instruction), Node("button", "< Prev")]
    if name == "description":
        nodes += _texts(product.description)
    elif name == "features":
        nodes += _texts(*(f" {bullet}" for bullet in product.bullets))
    elif name == "attributes":
        nodes += _texts(*(f" {attribute}" for attribute in product.attributes))
        nodes += _texts(product.category, product.query, product.product_category)
    return Page(tuple(nodes))


def done_page(asin: str, options: Mapping[str, str], score: float) -> Page:
    """The receipt."""
    return Page(
        tuple(
            _texts(
                "Thank you for shopping with us!", "Your code: ", "None",
                " (Paste it in your MTurk interface.)",
                "Purchased", "asin", asin, "options", _html_safe(options), "attrs", "None",
                "category", "None", "query", "None", "product category", "None",
                "Target", "asin", "options", "attrs", "price upper", "instuction text",
                "category", "product category", "query", "Goal ", "None",
                "Reward", "Your score (min 0.0, max 1.0)", str(score), "Reward Details ", "None",
            )
        )
    )  # fmt: skip


def address(asin: str, keywords: Sequence[str], number: int, options: Mapping[str, str]) -> str:
    """The end of an item page's address: upstream looks there for the options chosen."""
    return f"{asin}/{'+'.join(keywords)}/{number}/{json.dumps(dict(options))}"


def _html_safe(options: Mapping[str, str]) -> str:
    text = json.dumps(dict(options), sort_keys=True)
    for sign in "<>&'":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _head(instruction: str) -> list[Node]:
    return [*_texts("Instruction:", instruction), Node("button", "Back to Search")]


def _texts(*texts: str) -> list[Node]:
    return [Node("text", text) for text in texts]
