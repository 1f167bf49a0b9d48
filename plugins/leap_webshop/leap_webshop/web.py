"""The store as a small local web page: what an agent sees, for people.

Serves one visitor on this machine. Everything that is shown is escaped.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from leap_webshop.environment import WebshopEnvironment
from leap_webshop.pages import Node

HOST = "127.0.0.1"
_LARGEST = 1 << 16
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem;
       color: #222; background: #fff }
button { font: inherit; padding: .2rem .7rem; margin: .1rem; border: 1px solid #888;
         border-radius: .3rem; background: #f3f3f3; cursor: pointer }
button.chosen { background: #cfe8cf }
form { display: inline } p { margin: .2rem 0; white-space: pre-wrap }
input { font: inherit; width: 24rem; max-width: 60% } .product { margin-top: 1rem }
nav { border-bottom: 1px solid #ccc; margin-bottom: 1rem; padding-bottom: .5rem }
"""


class Shop(ThreadingHTTPServer):
    """The visit that is being shown."""

    def __init__(self, environment: WebshopEnvironment, split: str, task: int, port: int) -> None:
        super().__init__((HOST, port), _Handler)
        self.environment, self.split = environment, split
        self.token = secrets.token_urlsafe(16)
        self.lock = threading.Lock()
        self.begin(task)

    def begin(self, task: int) -> None:
        """Start a task."""
        tasks = self.environment.tasks(self.split)
        self.task = task % len(tasks)
        self.episode = self.environment.open(tasks[self.task], 0)
        self.episode.reset()

    def take(self, action: str) -> None:
        """Take an action; after the purchase there is none."""
        if self.episode.session.receipt is None:
            self.episode.step(action)

    def page(self) -> str:
        """The page that is shown now, as HTML."""
        session = self.episode.session
        body = "\n".join(self._node(node) for node in session.page.nodes)
        if session.at == "search":
            body += self._form(
                "act",
                '<input name="query" autofocus aria-label="search for"> <button>Search</button>',
            )
        if session.receipt is not None:
            parts = session.receipt.parts()
            body += "".join(f"<p>{escape(k)}: {escape(str(v))}</p>" for k, v in parts.items())
        following = f'<input type="hidden" name="task" value="{self.task + 1}">'
        return (
            '<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>WebShop</title>'
            f"<style>{_STYLE}</style><nav>{escape(self.split)} {self.task}, "
            f"{self.episode.steps} actions "
            + self._form("begin", f"{following}<button>next task</button>")
            + f"</nav><main>{body}</main></html>"
        )

    def _node(self, node: Node) -> str:
        if node.kind == "text":
            return f"<p>{escape(node.text)}</p>"
        if node.text == "Search":
            return ""
        action = escape(f"click[{node.text.lower()}]", quote=True)
        mark = ' class="chosen"' if node.kind in ("chosen", "visited") else ""
        button = f'<button name="action" value="{action}"{mark}>{escape(node.text)}</button>'
        form = self._form("act", button)
        return f'<div class="product">{form}</div>' if node.kind in ("product", "visited") else form

    def _form(self, where: str, content: str) -> str:
        token = f'<input type="hidden" name="token" value="{self.token}">'
        return f'<form method="post" action="/{where}">{token}{content}</form>'


class _Handler(BaseHTTPRequestHandler):
    server: Shop

    def do_GET(self) -> None:
        if urlsplit(self.path).path != "/":
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        with self.server.lock:
            body = self.server.page().encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        size = self.headers.get("Content-Length", "")
        if not size.isdecimal() or int(size) > _LARGEST:
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        sent = parse_qs(self.rfile.read(int(size)).decode("utf-8", "replace"))
        form = {name: values[0] for name, values in sent.items()}
        if not secrets.compare_digest(form.get("token", "").encode(), self.server.token.encode()):
            self.send_error(HTTPStatus.FORBIDDEN)
            return
        with self.server.lock:
            if self.path == "/begin" and form.get("task", "").isdecimal():
                self.server.begin(int(form["task"]))
            elif "query" in form:
                self.server.take(f"search[{form['query']}]")
            elif "action" in form:
                self.server.take(form["action"])
        self.send_response(HTTPStatus.SEE_OTHER)
        self.send_header("Location", "/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing of each request."""


def serve(
    environment: WebshopEnvironment, split: str, task: int, port: int, say: Callable[[str], object]
) -> None:
    """Serve the store until it is interrupted."""
    from leap_core import ConfigError

    try:
        shop = Shop(environment, split, task, port)
    except OSError as error:
        raise ConfigError(
            f"port {port} cannot be used ({error.strerror}); choose another with --port, or 0"
        ) from error
    with shop:
        say(f"the store is at http://{HOST}:{shop.server_port}/ (Ctrl-C ends it)")
        try:
            shop.serve_forever()
        except KeyboardInterrupt:
            say("closed")
