"""The suites about large tables, many writers and workers: their cases, rules and tables."""

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from showdown.__main__ import main
from showdown.bench import scale, workers, writers
from showdown.bench.pgbench import CASES as PGBENCH_CASES
from showdown.bench.pgbench import RULES as PGBENCH_RULES
from showdown.bench.postgresql import why_missing
from showdown.bench.scale import make_suite
from showdown.bench.suites import Suite
from tests.databases import missing


@pytest.fixture
def _postgresql() -> None:
    if reason := why_missing():
        missing(reason)


def run_bench(tmp_path: Path, *arguments: object) -> tuple[dict[str, Any], str]:
    """Run one round of a second; return the document and the output."""
    file = tmp_path / "result.json"
    options = [*arguments, "--rounds", 1, "--seconds", 1, "--report", file]
    result = CliRunner().invoke(main, ["bench", *map(str, options)])
    assert result.exit_code == 0, result.output
    return json.loads(file.read_text()), result.output


@pytest.mark.parametrize("suite", [make_suite([100, 1000]), workers.SUITE, writers.make_suite()])
def test_rules_and_cases_of_a_suite_belong_together(suite: Suite) -> None:
    names = [case.target.name for case in suite.cases]
    assert len({*names}) == len(names)
    named = {name for rule in suite.rules for name in (rule.case, rule.other) if name}
    assert named <= {*names}
    assert {case.target.server for case in suite.cases} == {*suite.servers}


def test_the_rules_of_pgbench_compare_with_the_same_commits() -> None:
    names = [case.target.name for case in PGBENCH_CASES]
    for rule in PGBENCH_RULES:
        assert {rule.case, rule.other} <= {*names}
        assert rule.other is not None
        assert rule.case.partition("commits")[2] == rule.other.partition("commits")[2]


def test_aims_are_those_of_the_largest_table() -> None:
    rules = make_suite([1000, 100_000]).rules
    assert rules
    assert all("100,000 users" in rule.case for rule in rules)


def test_without_postgresql_the_other_half_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "why_missing", lambda: "PostgreSQL's initdb is not installed")
    for suite in (make_suite([100]), writers.make_suite()):
        assert suite.left_out == {"postgresql": "PostgreSQL's initdb is not installed"}
        assert {case.target.server.partition("-")[0] for case in suite.cases} == {"sqlite"}


def test_users_are_for_the_scale_suite() -> None:
    for suite in ("frameworks", "writers"):
        result = CliRunner().invoke(main, ["bench", "--suite", suite, "--users", "1000"])
        assert result.exit_code == click.UsageError.exit_code
        assert "--users is for --suite scale" in result.output


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.usefixtures("wrk", "_postgresql")
def test_large_tables_from_end_to_end(tmp_path: Path) -> None:
    document, output = run_bench(tmp_path, "--suite", "scale", "--users", 100, "--users", 200)
    assert len(document["cases"]) == 2 * 2 * 16
    assert all(case["medians"]["failed"] == 0 for case in document["cases"])
    assert all(case["medians"]["cpu"] > 0 for case in document["cases"])
    assert "growth of p50" in output
    assert output.count("reached") + output.count("missed") == len(document["rules"]) == 2 * 10


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.usefixtures("wrk", "_postgresql")
def test_writers_from_end_to_end(tmp_path: Path) -> None:
    document, output = run_bench(tmp_path, "--suite", "writers")
    assert len(document["cases"]) == 4 * 2 * 3 + len(PGBENCH_CASES)
    assert all(case["medians"]["rate"] > 0 for case in document["cases"])
    inserted = [case for case in document["cases"] if case["workload"] == "insert"]
    assert all(case["medians"]["cpu"] > 0 for case in inserted)
    assert output.count("reached") + output.count("missed") == len(document["rules"])


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.usefixtures("wrk")
def test_workers_from_end_to_end(tmp_path: Path) -> None:
    document, _ = run_bench(tmp_path, "--suite", "workers")
    assert len(document["cases"]) == 2 * 3 * 3
    assert all(case["medians"]["failed"] == 0 for case in document["cases"])
    servers = document["manifest"]["servers"]
    assert [server["workers"] for server in servers.values()] == [1, 2]
