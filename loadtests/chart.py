"""Line charts as inline SVG: a time axis, a value axis from zero, a few lines, their names beside them. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 760, 220
LEFT, RIGHT, TOP, BOTTOM = 56, 84, 14, 26
"""Margins: room for the values, the lines' names, and the seconds."""


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    css: str
    """Class that colours it; the page defines the colours for light and dark."""
    points: tuple[tuple[float, float | None], ...]
    """(second, value); None is a gap."""


def ticks(top: float, count: int = 4) -> tuple[float, ...]:
    """Round values from 0 to at least ``top``, about ``count`` steps apart: 1, 2 or 5 times a power of ten."""
    if top <= 0:
        return (0.0, 1.0)
    rough = top / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    return tuple(index * step for index in range(math.ceil(top / step - 1e-9) + 1))


def chart(lines: Sequence[Line], *, unit: str, describe: str) -> str:
    """The chart as an ``<svg>`` element; ``describe`` is what a screen reader says."""
    values = [value for line in lines for _, value in line.points if value is not None]
    last = max((second for line in lines for second, _ in line.points), default=1.0) or 1.0
    grid = ticks(max(values, default=0.0))

    def x(second: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * second / last

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / grid[-1]

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(describe)}">']
    for value in grid:
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
        )
        label = f"{value:,.10g}" + (f" {unit}" if value == grid[-1] else "")
        parts.append(
            f'<text class="axis" x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{label}</text>'
        )
    for second in ticks(last, 6):
        if second <= last:
            label = f"{second:,.10g} s"
            parts.append(
                f'<text class="axis" x="{x(second):.1f}" y="{HEIGHT - 8}" text-anchor="middle">{label}</text>'
            )
    for line in lines:
        parts += [
            f'<polyline class="{line.css}" points="{" ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in run)}"/>'
            for run in _runs(line)
        ]
    for line, height in _labels(lines, y):
        parts.append(
            f'<text class="name {line.css}" x="{WIDTH - RIGHT + 8}" y="{height:.1f}">{escape(line.name)}</text>'
        )
    return "\n".join([*parts, "</svg>"])


def _runs(line: Line) -> list[list[tuple[float, float]]]:
    """The line without its gaps."""
    runs: list[list[tuple[float, float]]] = [[]]
    for second, value in line.points:
        if value is not None:
            runs[-1].append((second, value))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _labels(lines: Sequence[Line], y: Callable[[float], float]) -> list[tuple[Line, float]]:
    """Each line's name at the height of its last value, pushed apart where they would overlap."""
    ends = [(line, y(_runs(line)[-1][-1][1]) + 4) for line in lines if _runs(line)]
    placed: list[tuple[Line, float]] = []
    for line, height in sorted(ends, key=lambda item: -item[1]):
        below = placed[-1][1] if placed else math.inf
        placed.append((line, min(height, below - 15)))
    return placed
