"""The store's web page in a real browser, where there is one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from leap_webshop.environment import WebshopEnvironment
from leap_webshop.web import HOST, Shop

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
pytestmark = pytest.mark.slow


class Browser:
    """Chromium, driven by the DevTools protocol over a pair of pipes."""

    def __init__(self, program: str, profile: Path) -> None:
        to_browser, self.commands = os.pipe()
        self.answers, from_browser = os.pipe()
        self.count, self.pending = 0, b""
        flags = [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--no-first-run", "--remote-debugging-pipe", f"--user-data-dir={profile}",
        ]  # fmt: skip
        # The protocol's pipes are file descriptors 3 and 4 of the browser.
        pipes = f"exec 3<&{to_browser} 4>&{from_browser}; exec " + '"$@"'
        self.process = subprocess.Popen(
            ["/bin/bash", "-c", pipes, "browser", program, *flags],
            pass_fds=(to_browser, from_browser),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self.session: str | None = None
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]

    def ask(self, method: str, **parameters: Any) -> Any:
        """One command of the protocol, and its result."""
        self.count += 1
        command: dict[str, Any] = {"id": self.count, "method": method, "params": parameters}
        if self.session is not None:
            command["sessionId"] = self.session
        os.write(self.commands, json.dumps(command).encode() + b"\0")
        while True:
            message = json.loads(self._next())
            if message.get("id") == self.count:
                assert "error" not in message, message["error"]
                return message["result"]

    def _next(self) -> bytes:
        while b"\0" not in self.pending:
            read = os.read(self.answers, 1 << 16)
            assert read, "the browser is gone"
            self.pending += read
        message, _, self.pending = self.pending.partition(b"\0")
        return message

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        return self.ask("Runtime.evaluate", expression=script)["result"].get("value")

    def wait_for(self, text: str) -> str:
        """The text of the page, as soon as it holds `text`."""
        for _ in range(300):
            shown = str(self.run("document.body && document.body.innerText"))
            if text in shown:
                return shown
            time.sleep(0.1)
        raise AssertionError(f"'{text}' never came; the page shows: {shown}")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.commands)
        os.close(self.answers)


@contextmanager
def opened(program: str, profile: Path) -> Iterator[Browser]:
    browser = Browser(program, profile)
    try:
        yield browser
    finally:
        browser.close()


@pytest.mark.skipif(os.name == "nt", reason="the browser is driven over inherited pipes")
def test_a_person_shops_in_a_browser(embedded: WebshopEnvironment, tmp_path: Path) -> None:
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip(f"no browser ({', '.join(NAMES)}) on the PATH")
    shop = Shop(embedded, "test", 0, 0)
    threading.Thread(target=shop.serve_forever, daemon=True).start()
    try:
        with opened(program, tmp_path / "profile") as browser:
            browser.ask("Page.navigate", url=f"http://{HOST}:{shop.server_port}/")
            instruction = shop.episode.session.goal.instruction
            browser.wait_for(instruction)
            browser.run("document.querySelector('[name=query]').value = 'dried fruit'")
            browser.run("document.querySelector('main form button').click()")
            browser.wait_for("Page 1 (Total results:")
            browser.run("document.querySelector('.product button').click()")
            browser.wait_for("Buy Now")
            options = "[...document.querySelectorAll('main button')].map(b => b.textContent)"
            named = browser.run(f"{options}.join('|')").split("|")
            value = named[named.index("< Prev") + 1]
            browser.run(clicking(value))
            browser.wait_for("test 0, 3 actions")
            assert browser.run("document.querySelector('button.chosen').textContent") == value
            browser.run(clicking("Buy Now"))
            shown = browser.wait_for("r_type")
            assert shop.episode.session.receipt is not None
            assert f"r_price: {shop.episode.session.receipt.r_price}" in shown
            browser.run(clicking("next task"))
            browser.wait_for("test 1, 0 actions")
    finally:
        shop.shutdown()
        shop.server_close()


def clicking(name: str) -> str:
    """A script that clicks the button of a name."""
    buttons = "[...document.querySelectorAll('button')]"
    return f"{buttons}.find(b => b.textContent === {json.dumps(name)}).click()"
