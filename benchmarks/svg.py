"""Line charts as SVG that can be read on light and on dark pages."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 70, 150, 40, 50
COLOURS = ("#2f81f7", "#8b949e", "#db6d28", "#2da44e")
"""Of middling lightness: each is readable on white and on black."""
STYLE = """
text { font: 12px sans-serif; fill: #57606a; }
.title { font-size: 14px; font-weight: bold; }
.axis { stroke: #8b949e; } .grid { stroke: #8b949e; stroke-opacity: 0.25; }
@media (prefers-color-scheme: dark) { text { fill: #c9d1d9; } }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Lines over one axis; both begin at zero, or both are logarithmic."""

    title: str
    x_label: str
    y_label: str
    xs: Sequence[float]
    lines: Mapping[str, Sequence[float]]
    logarithmic: bool = False

    def svg(self) -> str:
        """Draw it."""
        every = [y for ys in self.lines.values() for y in ys]
        x = _Axis(self.xs, LEFT, WIDTH - RIGHT, logarithmic=self.logarithmic)
        y = _Axis(every, HEIGHT - BOTTOM, TOP, logarithmic=self.logarithmic)
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
            f"<title>{escape(self.title)}</title><style>{STYLE}</style>",
            _text(LEFT, TOP - 18, self.title, "title"),
            *self._frame(x, y),
        ]
        for (name, ys), colour in zip(self.lines.items(), COLOURS, strict=False):
            parts += _line(name, [(x(a), y(b)) for a, b in zip(self.xs, ys, strict=True)], colour)
        parts += _legend(self.lines)
        return "\n".join([*parts, "</svg>", ""])

    def _frame(self, x: _Axis, y: _Axis) -> Iterator[str]:
        for tick in x.ticks:
            yield _rule(x(tick), TOP, x(tick), HEIGHT - BOTTOM, "grid")
            yield _text(x(tick), HEIGHT - BOTTOM + 18, _number(tick), anchor="middle")
        for tick in y.ticks:
            yield _rule(LEFT, y(tick), WIDTH - RIGHT, y(tick), "grid")
            yield _text(LEFT - 8, y(tick) + 4, _number(tick), anchor="end")
        yield _rule(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, "axis")
        yield _rule(LEFT, TOP, LEFT, HEIGHT - BOTTOM, "axis")
        middle = (LEFT + WIDTH - RIGHT) / 2
        yield _text(middle, HEIGHT - 12, self.x_label, anchor="middle")
        y_label = _text(-HEIGHT / 2, 18, self.y_label, anchor="middle")
        yield f'<g transform="rotate(-90)">{y_label}</g>'


class _Axis:
    """From numbers to places between two pixels."""

    def __init__(
        self, numbers: Sequence[float], first: int, last: int, *, logarithmic: bool
    ) -> None:
        self._scale = math.log10 if logarithmic else float
        self.ticks = _powers(numbers) if logarithmic else _round_steps(max(numbers))
        self._first, self._last = first, last
        self._low, self._high = self._scale(self.ticks[0]), self._scale(self.ticks[-1])

    def __call__(self, number: float) -> float:
        share = (self._scale(number) - self._low) / (self._high - self._low)
        return self._first + share * (self._last - self._first)


def _powers(numbers: Sequence[float]) -> list[float]:
    low = math.floor(math.log10(min(numbers)))
    high = max(math.ceil(math.log10(max(numbers))), low + 1)
    return [10.0**power for power in range(low, high + 1)]


def _round_steps(most: float) -> list[float]:
    rough = most / 5
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough)
    return [step * number for number in range(math.ceil(most / step) + 1)]


def _number(number: float) -> str:
    return f"{number:,.10g}"


def _text(x: float, y: float, text: str, style: str = "", *, anchor: str = "start") -> str:
    kind = f' class="{style}"' if style else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{kind}>{escape(text)}</text>'


def _rule(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{style}"/>'


def _line(name: str, points: list[tuple[float, float]], colour: str) -> Iterator[str]:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for x, y in points:
        place = f'cx="{x:.1f}" cy="{y:.1f}" r="3"'
        yield f'<circle {place} fill="{colour}"><title>{name}</title></circle>'


def _legend(lines: Mapping[str, Sequence[float]]) -> Iterator[str]:
    left = WIDTH - RIGHT + 16
    for number, (name, colour) in enumerate(zip(lines, COLOURS, strict=False)):
        y = TOP + 10 + number * 20
        yield f'<rect x="{left}" y="{y - 9}" width="12" height="12" fill="{colour}"/>'
        yield _text(left + 18, y + 1, name)
