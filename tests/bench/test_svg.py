"""The charts are well-formed and complete, and leave their appearance to the page."""

from xml.etree import ElementTree

import pytest

from showdown.bench.svg import PLOT, Axis, Panel, Row, draw, limits, short

SVG = "{http://www.w3.org/2000/svg}"
PANEL = Panel(
    "hello & <more>", "requests/s", [Row("one <&>", [900.0, 1000.0, 1500.0]), Row("two", [50.0])], 3
)


def test_every_row_has_a_label_and_its_figures() -> None:
    root = ElementTree.fromstring(draw("A title & more", [PANEL, PANEL], style=False))
    assert root.findtext(f"{SVG}title") == "A title & more"
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert texts.count("one <&>") == 2
    assert "1000 (900-1500) requests/s" in texts
    assert "hello & <more>" in texts


def test_a_chart_in_a_page_has_no_style_sheet() -> None:
    svg = draw("A title", [PANEL], style=False)
    root = ElementTree.fromstring(svg)
    assert not [
        element for element in root.iter() if {"style", "fill", "stroke"} & {*element.attrib}
    ]
    assert "<style>" not in svg
    assert "<style>" in draw("A title", [PANEL], style=True)


@pytest.mark.parametrize("values", [[0.0], [0.0, 0.5], [1.0], [10.0], [1e-3, 1e6]])
def test_any_figures_can_be_drawn(values: list[float]) -> None:
    ElementTree.fromstring(draw("t", [Panel("h", "u", [Row("r", values)])], style=False))


def test_the_axis_is_logarithmic() -> None:
    axis = Axis(1, 100)
    assert [axis.place(value) for value in (0, 1, 10, 100)] == [0, 0, PLOT / 2, PLOT]
    assert axis.ticks == [1, 2, 5, 10, 20, 50, 100]
    assert Axis(1, 10_000).ticks == [1, 10, 100, 1000, 10_000]


def test_the_axis_holds_every_figure_and_the_threshold() -> None:
    assert limits(Panel("h", "u", [Row("r", [0.3, 7.0])])) == (0.2, 10)
    assert limits(Panel("h", "u", [Row("r", [0.3, 7.0])], 30)) == (0.2, 50)
    assert limits(Panel("h", "u", [Row("r", [0.0])])) == (1, 2)


def test_figures_are_short() -> None:
    assert [short(value) for value in (12345.6, 100.4, 12.345, 0.1234)] == [
        "12346", "100", "12.3", "0.123",
    ]  # fmt: skip
