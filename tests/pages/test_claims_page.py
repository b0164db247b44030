"""The Claims page: the last run on this machine, or else the published run."""

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from showdown.claims import results
from showdown.claims.verdicts import Condition

CLAIM: dict[str, Any] = {
    "name": "faster",
    "quote": "3-5x more <requests>",
    "rule": "At least 3 times.",
    "verdict": "depends",
    "databases": {"PostgreSQL": "does not hold"},
    "conditions": [
        one.as_document()
        for one in (
            Condition("hello, 8 connections", [0.1, *[3.5] * 3, *[3.625] * 4, 9.5], 3),
            Condition("users, 8 connections", [1.125] * 9, 3, database="PostgreSQL"),
        )
    ],
    "figures": [],
    "left_out": ["go is missing"],
    "command": "python -m showdown claims --only faster",
    "link": None,
}
RUN = {
    "format": results.FORMAT,
    "quick": False,
    "manifest": {
        "created": "2026-01-02T03:04:05+00:00",
        "commit": "0123456789ab",
        "machine": {"cores": 2, "processor": "a processor"},
        "versions": {"python": "3.11.7"},
        "database": "SQLite",
        "servers": {"flask": {"command": "gunicorn <app>"}},
    },
    "claims": [CLAIM],
}


@pytest.fixture
def last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the last run; no run is published."""
    monkeypatch.setattr(results, "LAST", tmp_path / "claims.json")
    monkeypatch.setattr(results, "PUBLISHED", tmp_path / "published.json")
    return tmp_path / "claims.json"


def test_the_last_run_is_shown(gateway: TestClient, last: Path) -> None:
    last.write_text(json.dumps(RUN))
    text = gateway.get("/claims").text
    assert "the last run on this machine." in text
    assert "2026-01-02, 2 cores (a processor), Python 3.11.7, SQLite." in text
    assert '<span class="verdict depends">depends</span>' in text
    assert "<td>1 hold, 1 fail</td>" in text
    assert "3-5x more &lt;requests&gt;" in text
    assert "go is missing" in text
    assert "python -m showdown claims --only faster" in text
    assert '<td data-label="interval">3.5-3.62</td>' in text
    assert '<th scope="row">users, 8 connections (PostgreSQL)</th>' in text
    assert '<td></td><td data-label="PostgreSQL">does not hold</td>' in text
    assert "<li>fails: users on PostgreSQL 1.12</li>" in text
    assert "gunicorn &lt;app&gt;" in text
    assert text.count('class="plot-row plot-holds"') == 1
    assert text.count('class="plot-row plot-fails"') == 1


def test_the_published_run_is_shown_without_a_last_run(gateway: TestClient, last: Path) -> None:
    last.with_name("published.json").write_text(json.dumps(RUN))
    assert "the published run" in gateway.get("/claims").text


def test_without_a_run_the_page_shows_the_command(gateway: TestClient, last: Path) -> None:
    assert "No results yet" in gateway.get("/claims").text


def test_the_repository_contains_a_published_run() -> None:
    """The repository contains one, made by the command, with every claim and a manifest."""
    from showdown.claims.catalogue import CLAIMS

    document = results.read(results.PUBLISHED)
    assert document is not None
    assert document["quick"] is False
    assert [claim["name"] for claim in document["claims"]] == [*CLAIMS]
    assert {"created", "commit", "machine", "versions", "database", "servers"} <= {
        *document["manifest"]
    }
    assert all(
        len(condition["values"]) >= 3 or condition["exact"]
        for claim in document["claims"]
        for condition in claim["conditions"]
    )


def test_the_advice_has_the_verdicts_of_the_last_run(gateway: TestClient, last: Path) -> None:
    text = gateway.get("/guide").text
    assert "/claims#" not in text
    last.write_text(json.dumps(RUN))
    text = gateway.get("/guide").text
    assert '/claims#faster"><span class="verdict depends">depends</span>' in text
    assert "refute" not in text
    refuted = {**CLAIM, "verdict": "does not hold"}
    last.write_text(json.dumps({**RUN, "claims": [refuted]}))
    advised, _, rest = gateway.get("/guide").text.partition("that the measurements refute")
    assert "An API where throughput matters" not in advised
    assert "An API where throughput matters" in rest
