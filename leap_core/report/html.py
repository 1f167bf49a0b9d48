"""A report as one HTML page that needs nothing beside it: no script, no font, no network."""

from __future__ import annotations

import json

import jinja2

from leap_core.report.collect import RunReport
from leap_core.report.curve import curve_of
from leap_core.report.tables import all_tables, headline


def as_html(report: RunReport) -> str:
    """Render the page. All text is escaped: models and data wrote part of it."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("leap_core.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html").render(
        report=report,
        manifest=json.dumps(report.manifest, indent=2, ensure_ascii=False),
        headline=headline(report),
        tables=all_tables(report),
        curve=curve_of(report.iterations, report.best),
    )
