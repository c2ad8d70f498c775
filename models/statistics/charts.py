"""Small charts as inline SVG: bars for shares, areas and lines for distributions. They follow the page's colours."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from models.statistics.report import NumberBucket

WIDTH, HEIGHT = 620.0, 170.0
LEFT, RIGHT, TOP, BOTTOM = 8.0, 8.0, 10.0, 24.0


@dataclass(frozen=True)
class Series:
    """One split's distribution, and the CSS class that colours it."""

    name: str
    style: str
    buckets: Sequence[NumberBucket]


def share_bar(share: float, style: str) -> str:
    """A bar from 0 to 1 of its width."""
    width = round(100 * min(1.0, max(0.0, share)), 2)
    bar = f'<i class="{style}" style="width:{width}%"></i>' if share > 0 else ""
    return f'<span class="meter">{bar}</span>'


def densities(series: Sequence[Series], unit: str) -> str:
    """Distributions on one axis, each of area 1, so that splits of different size compare: the first as an area."""
    series = [one for one in series if one.buckets]
    low = min(one.buckets[0].low for one in series)
    high = max(one.buckets[-1].high for one in series)
    scale = _Scale(low, high if high > low else low + 1)
    outlines = [_outline(one.buckets) for one in series]
    top = max(density for outline in outlines for _, density in outline) or 1.0
    shapes = [
        _shape([(scale(x), _height(y / top)) for x, y in outline], one.style, is_area=number == 0)
        for number, (one, outline) in enumerate(zip(series, outlines, strict=True))
    ]
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" '
        f'aria-label="distribution of {escape(unit)}">{"".join(reversed(shapes[1:]))}{shapes[0]}'
        f"{_axis(scale)}</svg>"
    )


def spark(buckets: Sequence[NumberBucket], style: str) -> str:
    """A histogram of the size of a word."""
    highest = max((bucket.rows for bucket in buckets), default=0.0) or 1.0
    width = 120 / max(1, len(buckets))
    bars = "".join(
        f'<rect class="{style}" x="{i * width:.1f}" width="{max(0.5, width - 1):.1f}" '
        f'y="{30 - 29 * bucket.rows / highest:.1f}" height="{29 * bucket.rows / highest:.1f}"/>'
        for i, bucket in enumerate(buckets)
    )
    return (
        f'<svg class="spark" viewBox="0 0 120 31" role="img" aria-label="histogram">{bars}'
        '<line class="base" x1="0" x2="120" y1="30.5" y2="30.5"/></svg>'
    )


def ticks(low: float, high: float, count: int = 7) -> list[float]:
    """Round numbers between two others, about `count` of them.

    >>> ticks(3, 97)
    [20.0, 40.0, 60.0, 80.0]
    """
    step = 10.0 ** math.floor(math.log10((high - low) / count))
    step = next(step * factor for factor in (1, 2, 5, 10, 20) if (high - low) / (step * factor) <= count)
    return [step * i for i in range(math.ceil(low / step), math.floor(high / step) + 1)]


def number(value: float) -> str:
    """A number as short as it stays clear.

    >>> [number(value) for value in (1234567.0, 0.1234567, 12.5, 3e-9, 1.7e12)]
    ['1,234,567', '0.1235', '12.5', '3e-09', '1.7e+12']
    """
    if value == int(value) and abs(value) < 1e9:
        return f"{int(value):,}"
    if 100 <= abs(value) < 1e9:
        return f"{value:,.1f}"
    return f"{value:.4g}"


@dataclass(frozen=True)
class _Scale:
    """From numbers to places along the axis."""

    low: float
    high: float

    def __call__(self, value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (value - self.low) / (self.high - self.low)


def _outline(buckets: Sequence[NumberBucket]) -> list[tuple[float, float]]:
    """The upper edge of a histogram: (number, density) from left to right."""
    rows = sum(bucket.rows for bucket in buckets) or 1.0
    points = [(buckets[0].low, 0.0)]
    for bucket in buckets:
        high = bucket.high if bucket.high > bucket.low else bucket.low + 1
        density = bucket.rows / rows / (high - bucket.low)
        points += [(bucket.low, density), (high, density)]
    return [*points, (points[-1][0], 0.0)]


def _height(share: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share


def _shape(points: Sequence[tuple[float, float]], style: str, *, is_area: bool) -> str:
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    kind = "area" if is_area else "curve"
    return f'<polyline class="{kind} {style}" points="{places}"/>'


def _axis(scale: _Scale) -> str:
    base = HEIGHT - BOTTOM
    marks = "".join(
        f'<line class="base" x1="{scale(tick):.1f}" x2="{scale(tick):.1f}" y1="{base:g}" y2="{base + 4:g}"/>'
        f'<text class="tick" x="{scale(tick):.1f}" y="{base + 17:g}">{number(tick)}</text>'
        for tick in ticks(scale.low, scale.high)
    )
    return f'<line class="base" x1="{LEFT:g}" x2="{WIDTH - RIGHT:g}" y1="{base:g}" y2="{base:g}"/>{marks}'
