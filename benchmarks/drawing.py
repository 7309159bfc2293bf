"""Small line charts as SVG, on doubly logarithmic scales: what stays flat is level, what grows with its size is 45°."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT, GAP, COLUMNS = 300, 200, 24, 2
LEFT, RIGHT, TOP, BOTTOM = 52, 34, 46, 34


@dataclass(frozen=True, slots=True)
class Chart:
    """One figure over sizes, as (size, value); `unit` of the values, `sizes` says what is counted."""

    title: str
    unit: str
    sizes: str
    points: Sequence[tuple[float, float]]


def svg(charts: Sequence[Chart]) -> str:
    """One picture of all of them, two in a row; colours follow the reader's light or dark page."""
    rows = math.ceil(len(charts) / COLUMNS)
    width, height = COLUMNS * (WIDTH + GAP) - GAP, rows * (HEIGHT + GAP) - GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"',
        'font-family="sans-serif" font-size="11">',
        "<style>svg{color:#222;background:#fff}.line{fill:none;stroke:#2f6f4f;stroke-width:2}.dot{fill:#2f6f4f}",
        ".grid{stroke:currentColor;stroke-opacity:.18}text{fill:currentColor}",
        "@media(prefers-color-scheme:dark){svg{color:#ddd;background:#1b1b1b}.line{stroke:#7cc79f}.dot{fill:#7cc79f}}</style>",
    ]
    for number, chart in enumerate(charts):
        x, y = number % COLUMNS * (WIDTH + GAP), number // COLUMNS * (HEIGHT + GAP)
        parts += [f'<g transform="translate({x} {y})">', *_panel(chart), "</g>"]
    return "\n".join([*parts, "</svg>\n"])


def _panel(chart: Chart) -> list[str]:
    across, up = [_decades([point[at] for point in chart.points]) for at in (0, 1)]
    parts = [f'<text x="0" y="14" font-weight="bold">{escape(chart.title)}</text>']
    parts += [f'<text x="0" y="28">{escape(chart.unit)}</text>']
    for power in range(up[0], up[1] + 1):
        y = _place(10.0**power, up, HEIGHT - BOTTOM, TOP)
        parts += [f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>']
        parts += [f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_number(10.0**power)}</text>']
    for power in range(across[0], across[1] + 1):
        x = _place(10.0**power, across, LEFT, WIDTH - RIGHT)
        parts += [f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 15}" text-anchor="middle">{_number(10.0**power)}</text>']
    parts += [f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 4}" text-anchor="end">{escape(chart.sizes)}</text>']
    places = [
        (_place(size, across, LEFT, WIDTH - RIGHT), _place(value, up, HEIGHT - BOTTOM, TOP))
        for size, value in chart.points
    ]
    parts += [f'<polyline class="line" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}"/>']
    for (x, y), (_, value) in zip(places, chart.points, strict=True):
        said = f"<title>{value:.3g} {escape(chart.unit)}</title>"
        parts += [f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3">{said}</circle>']
    return parts


def _decades(values: Sequence[float]) -> tuple[int, int]:
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def _place(value: float, decades: tuple[int, int], start: float, end: float) -> float:
    return start + (math.log10(value) - decades[0]) / (decades[1] - decades[0]) * (end - start)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"
