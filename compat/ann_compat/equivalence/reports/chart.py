"""A line chart of both paths, as SVG that takes its colours from the page around it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from ann_compat.equivalence.outcome import Curve

WIDTH, HEIGHT = 340, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 12, 30
_TITLES = {
    "train_loss": "training loss",
    "val_loss": "validation loss",
    "train_accuracy": "training accuracy (%)",
    "val_accuracy": "validation accuracy (%)",
}


def title_of(curve: Curve) -> str:
    return _TITLES.get(curve.metric, curve.metric)


def line_chart(curve: Curve) -> str:
    """The old path as a broad line, the new one dashed upon it, so that both are seen where they are equal."""
    values = [value for value in (*curve.old, *curve.new) if value is not None]
    epochs = max(len(curve.old), len(curve.new))
    ticks = nice_ticks(min(values, default=0.0), max(values, default=1.0))
    if curve.metric.endswith("accuracy") and all(0 <= value <= 100 for value in values):
        ticks = [0.0, 25.0, 50.0, 75.0, 100.0]
    low, high = ticks[0], ticks[-1]

    def x(epoch: int) -> float:
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * (epoch / (epochs - 1) if epochs > 1 else 0.5)

    def y(value: float) -> float:
        return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * (value - low) / (high - low)

    def point(epoch: int, value: float) -> str:
        return f"{x(epoch):.1f},{y(value):.1f}"

    parts = []
    for tick in ticks:
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>')
        parts.append(f'<text class="tick" x="{_LEFT - 6}" y="{y(tick) + 3.5:.1f}" text-anchor="end">{tick:g}</text>')
    for epoch in shown_epochs(epochs):
        parts.append(
            f'<text class="tick" x="{x(epoch):.1f}" y="{HEIGHT - _BOTTOM + 14}" text-anchor="middle">{epoch}</text>'
        )
    parts.append(
        f'<text class="tick" x="{(WIDTH + _LEFT - _RIGHT) / 2}" y="{HEIGHT - 3}" text-anchor="middle">epoch</text>'
    )
    for name, series in (("old", curve.old), ("new", curve.new)):
        for stretch in stretches(series):
            points = [point(epoch, value) for epoch, value in stretch]
            if len(points) == 1:
                cx, cy = points[0].split(",")
                parts.append(f'<circle class="{name} dot" cx="{cx}" cy="{cy}" r="{5 if name == "old" else 2.5}"/>')
            else:
                parts.append(f'<polyline class="{name}" points="{" ".join(points)}"/>')
    label = escape(f"{title_of(curve)} over {epochs} epochs: {'equal on both paths' if curve.equal else 'different'}")
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def nice_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round values, evenly spaced, that enclose ``low`` and ``high``.

    Example:
        >>> nice_ticks(0.31, 0.74)
        [0.2, 0.4, 0.6, 0.8]
    """
    if high - low <= 1e-12 * max(abs(low), abs(high), 1e-300):
        room = abs(low) / 2 or 1.0
        low, high = low - room, high + room
    rough = (high - low) / (most - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{index * step:.12g}") for index in range(first, last + 1)]


def shown_epochs(epochs: int) -> Sequence[int]:
    """Which epochs are named on the axis: some, from the first on."""
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 10**9) if epochs <= 7 * step)
    return range(0, epochs, step)


def stretches(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """The parts of a series without gaps."""
    found: list[list[tuple[int, float]]] = [[]]
    for epoch, value in enumerate(values):
        if value is None:
            found.append([])
        else:
            found[-1].append((epoch, value))
    return [stretch for stretch in found if stretch]
