"""Intervals as SVG: for each row a line from the smallest to the largest, a dot at the median.

Looks come from class names; a file that stands alone gets a style sheet with it.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

LABELS, PLOT, FIGURES = 300, 380, 180
WIDTH = LABELS + PLOT + FIGURES
ROW, TOP, BOTTOM = 22, 34, 26

STYLE = """
svg { background: #fff; color: #1d232a; font: 13px system-ui, sans-serif; }
text { fill: currentColor; }
.plot-heading { font-weight: 600; }
.plot-figure, .plot-tick { font-size: 11px; opacity: .75; }
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
    """Rows on one logarithmic axis, with what they are held against."""

    heading: str
    unit: str
    rows: Sequence[Row]
    threshold: float | None = None

    @property
    def height(self) -> int:
        return TOP + ROW * len(self.rows) + BOTTOM


def draw(title: str, panels: Sequence[Panel], *, style: bool) -> str:
    """Return an SVG document of the panels, one below the other.

    Args:
        style: with a style sheet of its own; a page that has one does without.
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
        parts.append(f'<g transform="translate(0 {top})">{draw_panel(panel)}</g>')
        top += panel.height
    return "\n".join([*parts, "</svg>\n"])


def draw_panel(panel: Panel) -> str:
    """Draw a heading, the axis, the threshold and every row."""
    low, high = limits(panel)
    bottom = panel.height - BOTTOM
    parts = [f'<text class="plot-heading" x="0" y="16">{escape(panel.heading)}</text>']
    for tick in ticks(low, high):
        x = place(tick, low, high)
        parts.append(
            f'<line class="plot-axis" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 6}" y2="{bottom}"/>'
            f'<text class="plot-tick" x="{x:.1f}" y="{bottom + 13}">{tick:g}</text>'
        )
    if panel.threshold is not None:
        x = place(panel.threshold, low, high)
        parts.append(
            f'<line class="plot-threshold" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 6}" y2="{bottom}"/>'
        )
    for number, row in enumerate(panel.rows):
        parts.append(draw_row(row, TOP + ROW * number + ROW / 2, low, high, panel.unit))
    return "".join(parts)


def draw_row(row: Row, y: float, low: float, high: float, unit: str) -> str:
    """Draw one row; its figures stand beside it, so that nothing depends on seeing the line."""
    median = statistics.median(row.values)
    smallest, largest = min(row.values), max(row.values)
    left, middle, right = (place(value, low, high) for value in (smallest, median, largest))
    figures = f"{short(median)} ({short(smallest)}-{short(largest)}) {unit}"
    return (
        f'<g class="plot-row plot-{escape(row.kind)}">'
        f'<text class="plot-label" x="0" y="{y}">{escape(row.label)}</text>'
        f'<line class="plot-range" x1="{left:.1f}" x2="{right:.1f}" y1="{y}" y2="{y}"/>'
        f'<circle class="plot-median" cx="{middle:.1f}" cy="{y}" r="4.5"/>'
        f'<text class="plot-figure" x="{LABELS + PLOT + 14}" y="{y}">{escape(figures)}</text></g>'
    )


def limits(panel: Panel) -> tuple[float, float]:
    """Return the ends of the axis: powers of ten around everything that is drawn."""
    drawn = [value for row in panel.rows for value in row.values if value > 0]
    if panel.threshold:
        drawn.append(panel.threshold)
    low = floor(log10(min(drawn, default=1)))
    high = ceil(log10(max(drawn, default=10)))
    return 10.0**low, 10.0 ** max(high, low + 1)


def ticks(low: float, high: float) -> list[float]:
    """Return the powers of ten between two of them."""
    return [10.0**power for power in range(round(log10(low)), round(log10(high)) + 1)]


def place(value: float, low: float, high: float) -> float:
    """Return where a value stands on the axis; zero at its beginning."""
    share = log10(max(value, low) / low) / log10(high / low)
    return LABELS + share * PLOT


def short(value: float) -> str:
    """Write a figure with three digits that count, never fewer than a whole number has."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
