"""The tables in the docs are those of the published results."""

import json
from pathlib import Path
from typing import Any

import pytest

from showdown.bench import published
from showdown.bench.measure import Case
from showdown.bench.results import as_document, load, save
from showdown.bench.rules import Rule
from showdown.bench.samples import Sample
from showdown.bench.scale import case_of, cases_of
from showdown.bench.tables import as_markdown, grids_of
from showdown.bench.targets import TARGETS
from showdown.bench.workloads import WORKLOADS
from tests.documents import DOCS

PAGE = DOCS / "measuring.md"
MANIFEST = {
    "created": "2026-11-27T18:00:00+00:00",
    "commit": "abc",
    "machine": {"processor": "a processor", "cores": 2},
    "versions": {"python": "3.11.7"},
    "database": "SQLite",
    "left_out": {"postgresql": "not installed"},
    "load": {"rounds": 1, "starts": 3, "seconds": 1},
}


def sample(latency: float) -> Sample:
    return Sample(1000 / latency, 250.04, latency, 2 * latency, 3 * latency, 2**20, 1000)


def scale_document() -> dict[str, Any]:
    """A result in which the time is a hundredth of the number of users."""
    samples = {
        case: [sample(users / 100 * factor) for factor in (1, 2, 3)]
        for users in (100, 1000)
        for case in cases_of("sqlite", users)
    }
    slow = case_of("sqlite", 1000, "/flask", WORKLOADS["search"]).target.name
    return as_document(samples, MANIFEST, "scale", [Rule("p95", slow, at_most=20)])


def test_every_suite_has_a_section_in_the_docs() -> None:
    names = [found["name"] for found in published.SECTION.finditer(PAGE.read_text())]
    assert names == [*published.SUITES, "arena"]
    pages = "".join((DOCS / name).read_text() for name in ("bridge.md", "moving.md", "pages.md"))
    assert [found["name"] for found in published.SECTION.finditer(pages)] == [*published.ELSEWHERE]


def test_the_published_results_are_complete() -> None:
    for file in published.results():
        document = load(file)
        assert document["suite"] == file.stem
        for case in document.get("cases", ()):
            assert len(case["samples"]) >= 5, (file, case["target"])


def test_a_table_is_written_in_place_of_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published, "RESULTS", tmp_path)
    page = "# Page\n\n<!-- result: scale -->\nold\n<!-- end of result -->\n\nThe end.\n"
    before = published.rewritten(page)
    assert before == page.replace("old\n", published.MISSING)
    save(scale_document(), tmp_path / "scale.json")
    after = published.rewritten(before)
    assert "old" not in after
    assert "3 rounds of 1 s. Left out: postgresql: not installed." in after
    assert (
        "| SQLite | page | Flask | 2.0 (1.0-3.0) | 20.0 (10.0-30.0) | 40.0 (20.0-60.0) |"
        " 10.0 (10.0-10.0) | 250 (250-250) |"
    ) in after
    assert "| 40.0 (20.0-60.0) | ≤ 20 | **missed** |" in after
    assert after.endswith("<!-- end of result -->\n\nThe end.\n")
    assert published.rewritten(after) == after


def test_own_figures_stand_next_to_http_arenas(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published, "RESULTS", tmp_path)
    case = Case(TARGETS["fastapi-uvicorn"], WORKLOADS["hello"], 64)
    save(as_document({case: [sample(1)]}, MANIFEST), tmp_path / "frameworks.json")
    table = published.tables("arena")
    assert "| FastAPI, `latency-10k`" in table
    assert "| here: FastAPI on uvicorn, `hello` | 1000 (1000-1000) | 250 (250-250) |" in table


def test_a_result_keeps_all_rounds_and_their_medians(tmp_path: Path) -> None:
    file = tmp_path / "scale.json"
    save(scale_document(), file)
    assert json.loads(file.read_text()) == load(file)
    case = load(file)["cases"][0]
    assert [row["p50"] for row in case["samples"]] == [1, 2, 3]
    assert case["medians"]["p50"] == 2
    assert file.read_text().count("\n") < 20 * len(load(file)["cases"])
    assert all(as_markdown(grid) for grid in grids_of(load(file)))
