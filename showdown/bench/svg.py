"""Intervals as SVG: each row is a line from the smallest to the largest value, a dot the median.

CSS classes define the appearance; a stand-alone file includes a style sheet.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import log10

# Narrow enough for a phone: the label of a row is above its line, and its figures are to the right.
PLOT, FIGURES, GAP = 300, 150, 12
ROW, TOP, BOTTOM = 40, 34, 26
LABEL, LINE = 12, 27  # where the label and the line of a row are, from its top
WIDTH = PLOT + GAP + FIGURES
STEPS = (1, 2, 5)

STYLE = """
svg { background: #fff; color: #1d232a; font: 13px system-ui, sans-serif; }
text { fill: currentColor; }
.plot-heading { font-weight: 600; }
.plot-label, .plot-figure, .plot-tick { font-size: 11px; }
.plot-figure, .plot-tick { opacity: .75; }
.plot-label, .plot-figure { dominant-baseline: middle; }
.plot-tick { text-anchor: middle; }
.plot-axis { stroke: currentColor; opacity: .15; }
.plot-range { stroke: #35618f; stroke-width: 3; stroke-linecap: round; }
.plot-median { fill: #35618f; }
.plot-threshold { stroke: #a33; stroke-dasharray: 4 3; }
@media (prefers-color-scheme: dark) {
  svg { background: #14181d; color: #e6e9ec; }
  .plot-range { stroke: #8fb8e6; } .plot-median { fill: #8fb8e6; } .plot-threshold { stroke: #f99; }
}
"""


@dataclass(frozen=True)
class Row:
    """One line of a panel; ``kind`` becomes a class name."""

    label: str
    values: Sequence[float]
    kind: str = "measured"


@dataclass(frozen=True)
class Panel:
    """Rows on one logarithmic axis, with an optional threshold."""

    heading: str
    unit: str
    rows: Sequence[Row]
    threshold: float | None = None

    @property
    def height(self) -> int:
        return TOP + ROW * len(self.rows) + BOTTOM


@dataclass(frozen=True)
class Axis:
    """A logarithmic axis with its range."""

    low: float
    high: float

    def place(self, value: float) -> float:
        """Return the position of a value; zero is at the start."""
        share = log10(max(value, self.low) / self.low) / log10(self.high / self.low)
        return share * PLOT

    @property
    def ticks(self) -> list[float]:
        """The powers of ten, and 2 and 5 times these if there is room."""
        ticks = [tick for tick in round_numbers() if self.low <= tick <= self.high]
        return ticks if len(ticks) < 10 else [tick for tick in ticks if f"{tick:e}"[0] == "1"]


def draw(title: str, panels: Sequence[Panel], *, style: bool) -> str:
    """Return an SVG document with the panels below each other.

    Args:
        style: include a style sheet; not needed in a page that has one.
    """
    height = sum(panel.height for panel in panels)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
        ' class="plot">',
        f"<title>{escape(title)}</title>",
    ]
    if style:
        parts.append(f"<style>{STYLE}</style>")
    top = 0
    for panel in panels:
        axis = Axis(*limits(panel))
        parts.append(f'<g transform="translate(0 {top})">{draw_panel(panel, axis)}</g>')
        top += panel.height
    return "\n".join([*parts, "</svg>\n"])


def draw_panel(panel: Panel, axis: Axis) -> str:
    """Draw a heading, the axis, the threshold and every row."""
    bottom = panel.height - BOTTOM
    parts = [f'<text class="plot-heading" x="0" y="16">{escape(panel.heading)}</text>']
    for tick in axis.ticks:
        parts.append(draw_line("axis", axis.place(tick), bottom))
        parts.append(
            f'<text class="plot-tick" x="{axis.place(tick):.1f}" y="{bottom + 13}">{tick:g}</text>'
        )
    if panel.threshold is not None:
        parts.append(draw_line("threshold", axis.place(panel.threshold), bottom))
    for number, row in enumerate(panel.rows):
        parts.append(draw_row(row, TOP + ROW * number, axis, panel.unit))
    return "".join(parts)


def draw_line(kind: str, x: float, bottom: int) -> str:
    """Draw a vertical line behind the rows."""
    return f'<line class="plot-{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 6}" y2="{bottom}"/>'


def draw_row(row: Row, top: int, axis: Axis, unit: str) -> str:
    """Draw one row, with its figures as text, so that they can be read without the line."""
    median = statistics.median(row.values)
    smallest, largest = min(row.values), max(row.values)
    left, middle, right = (axis.place(value) for value in (smallest, median, largest))
    extremes = f" ({short(smallest)}-{short(largest)})" if smallest < largest else ""
    figures = f"{short(median)}{extremes} {unit}"
    y = top + LINE
    return (
        f'<g class="plot-row plot-{escape(row.kind)}">'
        f'<text class="plot-label" x="0" y="{top + LABEL}">{escape(row.label)}</text>'
        f'<line class="plot-range" x1="{left:.1f}" x2="{right:.1f}" y1="{y}" y2="{y}"/>'
        f'<circle class="plot-median" cx="{middle:.1f}" cy="{y}" r="4.5"/>'
        f'<text class="plot-figure" x="{PLOT + GAP}" y="{y}">{escape(figures)}</text>'
        "</g>"
    )


def limits(panel: Panel) -> tuple[float, float]:
    """Return the ends of the axis: round numbers that enclose all values and thresholds."""
    drawn = [value for row in panel.rows for value in row.values if value > 0]
    if panel.threshold:
        drawn.append(panel.threshold)
    smallest, largest = min(drawn, default=1), max(drawn, default=1)
    low = max(number for number in round_numbers() if number <= smallest)
    high = min(number for number in round_numbers() if number >= largest and number > low)
    return low, high


def round_numbers() -> list[float]:
    """Return 1, 2 and 5 times the powers of ten, for all values that a benchmark may give."""
    return [float(f"{step}e{power}") for power in range(-6, 13) for step in STEPS]


def short(value: float) -> str:
    """Format a figure with three significant digits, or all digits of a larger whole number."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
