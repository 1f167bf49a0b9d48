"""Against a server that LEAP did not write: `transformers serve`, with a tiny model."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from leap_core import Ledger, PolicyRef, TeacherContext
from leap_teachers.client import Client
from leap_teachers.model_io import Message, ModelRequest
from leap_teachers.self_teacher import SelfOptions, SelfTeacher, server_options

pytestmark = pytest.mark.slow
pytest.importorskip("transformers")
SERVE = Path(sys.executable).with_name("transformers")

TEMPLATE = (
    "{%- for m in messages -%}{{ m['role'] + ': ' + m['content'] + '\n' }}{%- endfor -%}"
    "{%- if add_generation_prompt -%}assistant: {%- endif -%}"
)


@pytest.fixture(scope="module")
def student(tmp_path_factory) -> Iterator[PolicyRef]:
    """A tiny student behind a server of its own."""
    pytest.importorskip("fastapi")
    from leap_core.local.tiny_student import TinyOptions, save_untrained, train_tokenizer

    folder = tmp_path_factory.mktemp("served")
    options = TinyOptions(hidden_size=32, layers=2, intermediate_size=64, vocabulary=300)
    tokenizer = train_tokenizer(["open box 1", "the coin"], 300, 4096)
    tokenizer.chat_template = TEMPLATE  # type: ignore[attr-defined]
    save_untrained(folder, tokenizer, options, 0)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = tmp_path_factory.mktemp("home")
    (home / "hub").mkdir()
    server = subprocess.Popen(
        [str(SERVE), "serve", str(folder), "--port", str(port), "--device", "cpu"],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(home), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/health", server)
        yield PolicyRef(kind="server", model=str(folder), base_url=f"http://127.0.0.1:{port}/v1")
    finally:
        server.terminate()
        server.wait(30)


def _wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if server.poll() is not None:
            pytest.skip("`transformers serve` does not run here")
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.3)
    pytest.skip("`transformers serve` did not come up")


def test_its_answers_are_read_counted_and_cached(student, tmp_path):
    ledger = Ledger()
    options = server_options(student, SelfOptions())
    questions = [
        ModelRequest("test", (Message("user", f"box {n}?"),), max_tokens=8) for n in range(6)
    ]

    async def ask() -> list[str]:
        client = Client(options, ledger, tmp_path)
        answers = await client.ask_all(questions)
        await client.aclose()
        return [answer.text for answer in answers]

    first, again = asyncio.run(ask()), asyncio.run(ask())
    assert first == again
    assert (ledger.totals.calls, ledger.totals.cached) == (6, 6)
    assert ledger.totals.prompt_tokens > 6
    assert ledger.totals.usage.cost == 0.0


def test_the_self_teacher_asks_it(student, world, tmp_path):
    lent = TeacherContext(
        environment=world.environment, ledger=Ledger(), cache_dir=tmp_path, student=student
    )
    teacher = SelfTeacher(SelfOptions(mode="steps", max_tokens=8), lent)
    outcomes = world.correct(teacher, world.failures(2))
    assert len(outcomes) == 2
    assert lent.ledger.totals.calls == 8, "an untrained student answers, if only nonsense"
