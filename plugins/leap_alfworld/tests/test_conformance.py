"""The plugin keeps LEAP's contracts: one test a rule of the conformance kit."""

from __future__ import annotations

import os

import pytest


@pytest.mark.conformance("environment", "alfworld", tasks=6)
def test_environment(conformance):
    conformance()


@pytest.mark.conformance("privileged source", "alfworld-simulator", tasks=6)
def test_simulator_state(conformance):
    conformance()


@pytest.mark.skipif(not os.environ.get("LEAP_FULL"), reason="reads all games: set LEAP_FULL=1")
class TestOfficialGames:
    """On the official files, where there are any."""

    @pytest.fixture
    def conformance_choice(self, data_dir):
        if not (data_dir / "alfworld").is_dir():
            pytest.skip(f"no ALFWorld games in {data_dir}")
        return {
            "environment": {"options": {"games": "official", "data_dir": data_dir / "alfworld"}}
        }

    @pytest.mark.conformance("environment", "alfworld")
    def test_environment(self, conformance):
        conformance()

    @pytest.mark.conformance("privileged source", "alfworld-simulator")
    def test_simulator_state(self, conformance):
        conformance()

    @pytest.mark.conformance("privileged source", "alfworld-human")
    def test_human_annotation(self, conformance):
        conformance()
