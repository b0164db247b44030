"""Where the verdicts are stored, and how they are drawn."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from showdown.claims import results
from showdown.claims.plots import draw_claim
from showdown.claims.verdicts import Condition

DOCUMENT = {"format": results.FORMAT, "quick": False, "manifest": {}, "claims": []}
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The last run and the published run; neither exists."""
    last, published = tmp_path / "last.json", tmp_path / "published.json"
    monkeypatch.setattr(results, "LAST", last)
    monkeypatch.setattr(results, "PUBLISHED", published)
    return last, published


def test_without_any_run_there_is_nothing_to_show(files: tuple[Path, Path]) -> None:
    assert results.load_latest() is None


def test_the_published_run_is_the_fallback(files: tuple[Path, Path]) -> None:
    files[1].write_text(json.dumps(DOCUMENT))
    assert results.load_latest() == {**DOCUMENT, "published": True}


def test_the_last_run_comes_first(files: tuple[Path, Path]) -> None:
    for file in files:
        file.write_text(json.dumps(DOCUMENT))
    assert results.load_latest() == {**DOCUMENT, "published": False}


@pytest.mark.parametrize("text", ["{", "[]", '{"format": "of a later version"}'])
def test_an_unreadable_last_run_is_ignored(files: tuple[Path, Path], text: str) -> None:
    files[0].write_text(text)
    files[1].write_text(json.dumps(DOCUMENT))
    assert results.load_latest() == {**DOCUMENT, "published": True}


def claim(*conditions: Condition) -> dict[str, Any]:
    return {
        "name": "faster",
        "verdict": "depends",
        "conditions": [condition.as_document() for condition in conditions],
    }


def test_a_plot_has_a_row_for_each_condition() -> None:
    svg = draw_claim(
        claim(
            Condition("hello & so on", [0.1, *[3.5] * 3, *[4.5] * 4, 99], 3),
            Condition("users", [0.9, 1.0, 1.1] * 3, 3, database="PostgreSQL"),
            Condition("wait", [2.0, 3.0, 4.0], 3),
            Condition("refused", [0.0], 1, "of 1", exact=True),
        )
    )
    root = ElementTree.fromstring(svg)
    assert root.findtext(f"{SVG}title") == "faster: depends"
    classes = [element.get("class") for element in root.iter(f"{SVG}g")]
    for state, number in {"holds": 1, "fails": 2, "undecided": 1}.items():
        assert classes.count(f"plot-row plot-{state}") == number
    texts = [element.text or "" for element in root.iter(f"{SVG}text")]
    assert "users (PostgreSQL)" in texts
    # The interval, not the range of all rounds.
    assert "4.5 (3.5-4.5) times" in texts
    # Three rounds have no interval.
    assert "3 (2-4) times" in texts
    assert not [element for element in root.iter() if "style" in element.attrib]


def test_a_claim_without_figures_has_no_plot() -> None:
    assert draw_claim(claim()) == ""
