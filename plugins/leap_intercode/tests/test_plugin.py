"""The plugin is found and loads; it registers nothing yet, and says so."""

from __future__ import annotations

from leap_core.plugins import discover


def test_the_plugin_loads_and_claims_nothing() -> None:
    (info,) = [info for info in discover().infos if info.name == "intercode"]
    assert (info.package, info.state) == ("leap-intercode", "loaded"), info.reason
    assert info.gives == {}
