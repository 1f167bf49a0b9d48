"""Geometry of the success curve; the page's template draws it as inline SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from leap_core.evaluation import Evaluation
from leap_core.report.collect import Iteration
from leap_core.report.tables import percent

WIDTH, HEIGHT = 680, 320
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 16, 44
ASIDE = 12  # test points stand beside those of validation, not on them


@dataclass(frozen=True)
class Point:
    """One score: where it is drawn, its interval from `low` to `high`, and what it says."""

    x: float
    y: float
    low: float
    high: float
    text: str
    best: bool


@dataclass(frozen=True)
class Series:
    """Scores on one split. `line` and `band` are lists of SVG coordinates."""

    name: str
    points: Sequence[Point]

    @property
    def line(self) -> str:
        return " ".join(f"{p.x},{p.y}" for p in self.points)

    @property
    def band(self) -> str:
        upper = [f"{p.x},{p.high}" for p in self.points]
        lower = [f"{p.x},{p.low}" for p in reversed(self.points)]
        return " ".join(upper + lower)


@dataclass(frozen=True)
class Curve:
    """The whole drawing: ticks are (position, label)."""

    series: Sequence[Series]
    x_ticks: Sequence[tuple[float, str]]
    y_ticks: Sequence[tuple[float, str]]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    bottom: int = HEIGHT - BOTTOM


def curve_of(iterations: Sequence[Iteration], best: int | None) -> Curve | None:
    """Success by iteration, on validation as a line and on test as points; None without scores."""
    scored = [i for i in iterations if i.validation or i.test]
    if not scored:
        return None
    last = max(i.number for i in scored)

    def x(number: int) -> float:
        share = number / last if last else 0.5
        return round(LEFT + 24 + share * (WIDTH - LEFT - RIGHT - 48), 1)

    def point(number: int, evaluation: Evaluation, shift: int = 0) -> Point:
        group = evaluation.overall
        low, high = group.interval
        text = (
            f"π{number} on {evaluation.split}: {percent(group.success)}, 95 % interval "
            f"{100 * low:.1f} to {100 * high:.1f} %, {group.tasks} tasks"
        )
        return Point(x(number) + shift, _y(group.success), _y(low), _y(high), text, number == best)

    validation = [point(i.number, i.validation) for i in scored if i.validation]
    test = [point(i.number, i.test, ASIDE) for i in scored if i.test]
    series = [Series("validation", validation), Series("test", test)]
    return Curve(
        series=[s for s in series if s.points],
        x_ticks=[(x(i.number), f"π{i.number}") for i in scored],
        y_ticks=[(_y(share / 100), f"{share} %") for share in range(0, 101, 20)],
    )


def _y(share: float) -> float:
    return round(TOP + (1 - share) * (HEIGHT - TOP - BOTTOM), 1)
