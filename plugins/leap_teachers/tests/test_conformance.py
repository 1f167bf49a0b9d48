"""The teachers keep LEAP's contract: one test a rule of the conformance kit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from leap_core.testing.conformance import EnvironmentSubject, Part
from leap_core.testing.toy import ToyEnvironment
from leap_teachers.testing import OracleAnswers

pytest.importorskip("litellm")


@pytest.mark.conformance("teacher", "oracle")
def test_oracle(conformance):
    conformance()


class TestByAPI:
    """Over HTTP, from a server that answers as the scripted expert would."""

    @pytest.fixture
    def conformance_choice(self, options, provider, world):
        informed, blind = (
            OracleAnswers(world.environment, world.source, world.tasks(), level) for level in (3, 1)
        )

        def answer(request: Mapping[str, Any]) -> str:
            try:
                return informed(request)
            except LookupError:  # a prompt of level 1 tells nothing of what is hidden
                return blind(request)

        provider.answer = answer
        return {"teacher": {"options": options}}

    @pytest.mark.conformance("teacher", "litellm")
    def test_litellm(self, conformance):
        conformance()


class TestRecorded:
    """States from a file, for the tasks of the toy environment."""

    @pytest.fixture
    def conformance_choice(self, tmp_path) -> dict[str, Any]:
        toy = EnvironmentSubject(Part("toy", ToyEnvironment))
        path = tmp_path / "states.jsonl"
        records = [
            {
                "task_id": task.id,
                "text": f"The coin is in box {task.data['coin']}.",
                "secrets": [f"coin is in box {task.data['coin']}"],
                "facts": {"coin": task.data["coin"]},
            }
            for task in toy.tasks
        ]
        path.write_text("\n".join(json.dumps(record) for record in records))
        return {"privileged": {"options": {"path": str(path)}}}

    @pytest.mark.conformance("privileged source", "recorded")
    def test_recorded(self, conformance):
        conformance()
