"""The plugin keeps LEAP's contracts: one test a rule of the conformance kit."""

from __future__ import annotations

import pytest


@pytest.mark.conformance("environment", "webshop", tasks=6)
def test_environment(conformance):
    conformance()


@pytest.mark.conformance("privileged source", "webshop-goal", tasks=6)
def test_goal(conformance):
    conformance()
