"""The plugin keeps LEAP's contracts: one test a rule of the conformance kit."""

from __future__ import annotations

import pytest


@pytest.mark.usefixtures("backend")
@pytest.mark.conformance("environment", "intercode-bash", tasks=2)
def test_bash(conformance):
    conformance()


@pytest.mark.usefixtures("backend")
@pytest.mark.conformance("privileged source", "intercode-gold", tasks=2)
def test_gold_command(conformance):
    conformance()


@pytest.mark.conformance("environment", "intercode-sql", tasks=6)
def test_sql(conformance):
    conformance()


@pytest.mark.conformance(
    "privileged source", "intercode-gold", environment={"name": "intercode-sql"}
)
def test_gold_query(conformance):
    conformance()
