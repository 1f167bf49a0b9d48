"""`leap webshop …`, as a user runs it."""

from __future__ import annotations

import hashlib
import http.client
import re
import threading
from urllib.parse import urlencode

import pytest
from click.testing import CliRunner

from leap_core import ConfigError, DataError
from leap_core.testing.files import FileServer
from leap_webshop import download
from leap_webshop.catalogue import open_store
from leap_webshop.cli import data as data_command
from leap_webshop.cli.group import command
from leap_webshop.web import Shop


def leap_webshop(*arguments: object, answers: str = ""):
    return CliRunner().invoke(command, [str(a) for a in arguments], input=answers)


# -- compile ------------------------------------------------------------------------------------


def test_a_generated_catalogue_is_compiled(tmp_path):
    done = leap_webshop("compile", "small", tmp_path / "store", "--products", 50, "--seed", 3)
    assert done.exit_code == 0, done.output
    assert "50 products, 200 human" in done.output
    assert len(open_store(tmp_path / "store")) == 50


def test_official_files_are_compiled(official_dir, tmp_path):
    done = leap_webshop("compile", official_dir, tmp_path / "store")
    assert done.exit_code == 0, done.output
    assert "1,000 products, 13 human and 6,910 synthetic goals" in done.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["small"], "say how many"),
        (["small", "--products", 5, "--items", "x.json"], "--items"),
        (["nowhere", "--seed", 1], "--seed"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, arguments, says):
    done = leap_webshop("compile", arguments[0], tmp_path / "store", *arguments[1:])
    assert isinstance(done.exception, ConfigError)
    assert says in str(done.exception)


def test_a_missing_folder_is_named(tmp_path):
    done = leap_webshop("compile", tmp_path / "nowhere", tmp_path / "store")
    assert isinstance(done.exception, DataError)


# -- play ---------------------------------------------------------------------------------------


def test_a_visit_in_the_terminal():
    done = leap_webshop("play", answers="dried fruit\n3\nnonsense\n6\n")
    assert done.exit_code == 0, done.output
    assert re.search(r"^score: \d", done.output, re.M)
    assert "bought: B" in done.output


def test_a_visit_may_be_left():
    done = leap_webshop("play", "--split", "train", "--task", 5, answers="quit\n")
    assert done.exit_code == 0
    done = leap_webshop("play", "--task", 5000)
    assert isinstance(done.exception, ConfigError)
    assert "--task 0 to 199" in str(done.exception)
    done = leap_webshop("play", "--data-dir", "somewhere")
    assert isinstance(done.exception, ConfigError)


class Visitor:
    """A browser of sorts."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    def ask(self, method: str, path: str, **form: str):
        connection = http.client.HTTPConnection("127.0.0.1", self.shop.server_port, timeout=10)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request(method, path, urlencode(form) if form else None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    def act(self, path: str = "/act", **form: str) -> str:
        status, _ = self.ask("POST", path, token=self.shop.token, **form)
        assert status == 303
        return self.ask("GET", "/")[1]


@pytest.fixture
def visitor(embedded):
    shop = Shop(embedded, "test", 0, 0)
    thread = threading.Thread(target=shop.serve_forever, daemon=True)
    thread.start()
    yield Visitor(shop)
    shop.shutdown()
    shop.server_close()


def test_a_visit_in_the_browser(visitor):
    assert visitor.shop.episode.session.goal.instruction in visitor.ask("GET", "/")[1]
    assert "Page 1" in visitor.act(query="dried fruit")
    asin = visitor.shop.episode.session.shown()[0].asin
    assert "Buy Now" in visitor.act(action=f"click[{asin.lower()}]")
    assert "r_type" in visitor.act(action="click[buy now]")
    assert "r_type" in visitor.act(action="click[buy now]"), "nothing comes after the purchase"
    assert "test 1, 0 actions" in visitor.act("/begin", task="1")


def test_what_is_shown_is_escaped_and_strangers_are_turned_away(visitor, by_hand, monkeypatch):
    from leap_webshop.compiling import compile_in_memory
    from leap_webshop.environment import WebshopEnvironment, WebshopOptions

    row = by_hand.record("B000000001", "<script>alert('x')</script> mug")
    made = compile_in_memory(by_hand.source([row]))
    environment = WebshopEnvironment(WebshopOptions(splits={"all": (0, None)}))
    monkeypatch.setattr(WebshopEnvironment, "catalogue", made)
    visitor.shop.environment, visitor.shop.split = environment, "all"
    visitor.shop.begin(0)
    page = visitor.act(query="mug")
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert visitor.ask("POST", "/act", token="guess", query="x")[0] == 403
    assert visitor.ask("POST", "/act", token=visitor.shop.token, query="x" * 70_000)[0] == 413
    assert visitor.ask("GET", "/etc/passwd")[0] == 404


def test_a_port_that_is_taken_is_said(visitor):
    done = leap_webshop("play", "--web", "--port", visitor.shop.server_port)
    assert isinstance(done.exception, ConfigError)
    assert "--port" in str(done.exception)


# -- data ---------------------------------------------------------------------------------------


def test_data_is_fetched_when_asked_and_only_then(tmp_path, monkeypatch):
    (tmp_path / "items.json").write_bytes(b"[1234]")
    with FileServer(tmp_path) as server:
        monkeypatch.setattr(data_command, "SMALL", (server.pin("items.json"),))
        assert leap_webshop("data", tmp_path / "out", answers="n\n").exit_code == 1
        assert not server.asked
        done = leap_webshop("data", tmp_path / "out", "--yes")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "out" / "items.json").read_bytes() == b"[1234]"
    assert "WEBSHOP_DATA=" in done.output


def test_the_pins_are_https_and_whole():
    for file in (*download.SMALL, *download.FULL):
        assert file.url.startswith("https://")
        assert len(file.sha256) == 64


def test_the_attributes_at_hand_are_those_that_are_pinned(official_dir):
    """The one file that no decoding of the recorded data has changed."""
    content = (official_dir / "items_ins_v2_1000.json").read_bytes()
    pin = next(file for file in download.SMALL if file.name == "items_ins_v2_1000.json")
    assert (len(content), hashlib.sha256(content).hexdigest()) == (pin.size, pin.sha256)
