"""`python -m showdown claims` from end to end: what it does, not what it finds."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from showdown.__main__ import main
from showdown.claims import results
from showdown.claims.catalogue import CLAIMS
from showdown.claims.planning import missing_databases
from showdown.claims.plots import draw_claim
from tests.databases import missing as skip
from tests.servers import running
from tests.wsgi.server import wait_until


def claims(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["claims", *map(str, arguments)])


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.usefixtures("wrk")
def test_a_quick_run_from_end_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "LAST", tmp_path / "last.json")
    file = tmp_path / "claims.json"
    names = ["quart", "validation", "footprint", "streaming", "admin"]
    databases = ["--database", "sqlite"]
    only = [option for name in names for option in ("--only", name)]
    result = claims("--quick", *only, *databases, "--report", file)
    assert result.exit_code == 0, result.output
    document = json.loads(file.read_text())
    assert document["format"] == results.FORMAT
    assert document["quick"]
    servers = {*document["manifest"]["servers"]}
    assert {"quart", "flask-gunicorn", "streaming, Flask"} <= servers
    assert "validation, FastAPI, the article's code" in servers
    by_name = {claim["name"]: claim for claim in document["claims"]}
    assert [*by_name] == [name for name in CLAIMS if name in names]
    for name in names[:-1]:
        claim = by_name[name]
        assert claim["conditions"]
        assert claim["figures"]
        assert claim["left_out"] == []
        assert claim["command"] == f"python -m showdown claims --only {name}"
        assert f"Repeat: python -m showdown claims --only {name}" in result.output.replace(
            "\n", " "
        )
        assert draw_claim(claim)
    # One round decides nothing that is timed.
    assert {condition["state"] for condition in by_name["quart"]["conditions"]} == {"undecided"}
    assert by_name["quart"]["verdict"] == "depends"
    assert by_name["admin"]["verdict"] == "not measured"
    assert by_name["admin"]["link"] == "/django/admin/"
    check_validation(by_name["validation"]["figures"])
    assert not (tmp_path / "last.json").exists()


def check_validation(figures: list[dict[str, object]]) -> None:
    """Check what no timing changes: this project refuses every invalid user, in each framework."""
    for row in figures:
        shares = [share for name, share in row.items() if name != "subject"]
        if "in this project" in str(row["subject"]):
            assert shares == [1.0] * 6
        else:
            assert min(shares) == 0.0  # type: ignore[type-var]


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.usefixtures("wrk")
def test_a_quick_run_on_both_databases(tmp_path: Path) -> None:
    if missing := missing_databases(["postgresql"]):
        skip(missing["postgresql"])
    file = tmp_path / "claims.json"
    result = claims("--quick", "--only", "django-cache", "--report", file)
    assert result.exit_code == 0, result.output
    document = json.loads(file.read_text())
    assert re.search("SQLite .*; PostgreSQL ", document["manifest"]["database"])
    (claim,) = document["claims"]
    databases = [condition["database"] for condition in claim["conditions"]]
    assert databases == ["SQLite"] * 2 + ["PostgreSQL"] * 2
    assert claim["databases"] == {"SQLite": "depends", "PostgreSQL": "depends"}
    assert "On PostgreSQL: depends" in result.output
    assert "(PostgreSQL)" in result.output


@pytest.mark.usefixtures("wrk")
def test_an_interrupted_run_says_what_to_do_and_writes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "claims.json"
    options = ("--quick", "--only", "quart", "--database", "sqlite", "--report", str(file))
    with running("python", "-m", "showdown", "claims", *options) as process:
        wait_until(lambda: bool(process.children), 60)
        process.terminate()
        assert process.wait(60) == 1
        assert "Interrupted: nothing was written." in process.output
        assert "--only NAME" in process.output
    assert [*tmp_path.iterdir()] == []


def test_the_claims_can_be_listed() -> None:
    result = claims("--list")
    assert result.exit_code == 0
    for claim in CLAIMS.values():
        assert f"{claim.name}: {claim.quote}" in result.output


def test_an_unknown_claim_is_named() -> None:
    result = claims("--only", "no-such-claim")
    assert result.exit_code == 2
    assert "no-such-claim" in result.output


@pytest.mark.usefixtures("wrk")
def test_a_run_whose_result_cannot_be_written_does_not_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(results, "LAST", tmp_path / "file" / "last.json")
    result = claims()
    assert result.exit_code == 1
    assert "last.json cannot be written: " in result.output
    assert "Load cases" not in result.output
