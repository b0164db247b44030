"""Each claim is measured on the databases that its requests use."""

from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from showdown.__main__ import main
from showdown.bench.databases import SQLiteFiles
from showdown.bench.measure import Case
from showdown.bench.report import show_progress
from showdown.bench.samples import Sample
from showdown.bench.targets import TARGETS
from showdown.bench.workloads import WORKLOADS
from showdown.claims import planning
from showdown.claims.catalogue import CLAIMS
from showdown.claims.model import Claim, Comparison, Findings, Laboratory, uses_database
from showdown.claims.planning import count_steps, describe_work, make_plans, missing_databases
from showdown.claims.run import compare, experiment, open_database
from tests.databases import missing as skip

BOTH = ["sqlite", "postgresql"]
ONE, OTHER = TARGETS["fastapi-uvicorn"], TARGETS["flask-gunicorn"]
HELLO = Comparison(
    "hello, 64 connections: one to other",
    Case(ONE, WORKLOADS["hello"], 64),
    Case(OTHER, WORKLOADS["hello"], 64),
    3,
)
USERS = Comparison(
    "users, 64 connections: one to other",
    Case(ONE, WORKLOADS["users"], 64),
    Case(OTHER, WORKLOADS["users"], 64),
    3,
)
CLAIM = Claim("faster", "FastAPI is faster", "3 times", [HELLO, USERS])


def nine(rate: float) -> list[Sample]:
    return [Sample(rate, 1e6 / rate, 1.0, 2.0, 3.0, 2**20, 1000)] * 9


def test_only_requests_of_users_are_measured_on_both() -> None:
    plans = make_plans([CLAIM], BOTH, {}, 9)
    assert plans["sqlite"].cases == [HELLO.case, HELLO.other, USERS.case, USERS.other]
    assert plans["postgresql"].cases == [USERS.case, USERS.other]


def test_what_uses_no_database_is_measured_on_the_only_one() -> None:
    plans = make_plans([CLAIM], ["postgresql"], {}, 9)
    assert len(plans["postgresql"].cases) == 4


def test_a_claim_about_one_database_is_measured_only_there() -> None:
    claim = Claim("driver", "", "", [HELLO, USERS], databases=("postgresql",))
    plans = make_plans([claim], BOTH, {}, 9)
    assert plans["sqlite"].cases == []
    assert len(plans["postgresql"].cases) == 4


def test_a_case_of_two_claims_is_measured_once() -> None:
    for plan in make_plans([*CLAIMS.values()], BOTH, {}, 9).values():
        assert len(set(plan.cases)) == len(plan.cases) > 0


def test_a_condition_names_its_database() -> None:
    measured = {
        "sqlite": {HELLO.case: nine(400), HELLO.other: nine(100)}
        | {USERS.case: nine(90), USERS.other: nine(100)},
        "postgresql": {USERS.case: nine(350), USERS.other: nine(100)},
    }
    findings = compare(CLAIM, measured, {})
    assert [(one.name, one.database, one.state) for one in findings.conditions] == [
        (HELLO.name, None, "holds"),
        (USERS.name, "SQLite", "fails"),
        (USERS.name, "PostgreSQL", "holds"),
    ]
    assert [row["database"] for row in findings.figures] == [
        *(None, None),
        *("SQLite", "SQLite"),
        *("PostgreSQL", "PostgreSQL"),
    ]


def test_a_missing_server_is_left_out_of_every_plan() -> None:
    plans = make_plans([CLAIM], BOTH, {"flask-gunicorn": "gunicorn is not installed"}, 9)
    assert {case.target for plan in plans.values() for case in plan.cases} == {ONE}


def test_a_missing_postgresql_is_named_by_the_claims_that_need_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("showdown.bench.postgresql.DIRECTORIES", [])
    monkeypatch.setenv("PATH", "")
    left_out = missing_databases(BOTH)
    assert left_out == {
        "postgresql": "Not measured on PostgreSQL: PostgreSQL's initdb is not installed"
        " (Debian: apt-get install postgresql)"
    }
    assert missing_databases(["sqlite"]) == {}
    assert compare(CLAIM, {"sqlite": {}}, left_out).left_out == [left_out["postgresql"]]
    hello = Claim("hello", "", "", [HELLO])
    assert compare(hello, {"sqlite": {}}, left_out).left_out == []


@pytest.mark.parametrize("options", [("--database", "postgresql"), ("--publish",)])
def test_a_run_that_needs_postgresql_ends_before_it_begins(
    monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    monkeypatch.setattr(planning, "missing_databases", lambda _names: {"postgresql": "no initdb"})
    monkeypatch.setattr("showdown.bench.load.require_wrk", lambda: None)
    result = CliRunner().invoke(main, ["claims", *options])
    assert result.exit_code == 1
    assert "no initdb" in result.output


@pytest.mark.parametrize("option", ["--quick", "--only=faster", "--database=sqlite"])
def test_a_part_of_a_run_cannot_be_published(option: str) -> None:
    result = CliRunner().invoke(main, ["claims", "--publish", option])
    assert result.exit_code == 2
    assert "--publish needs a full run" in result.output


def test_postgresql_runs_with_its_default_durability() -> None:
    if missing := missing_databases(["postgresql"]):
        skip(missing["postgresql"])
    with open_database("postgresql") as (found, _):
        assert found.version.startswith("PostgreSQL ")
        with psycopg.connect(found.url_for("any")) as connection:
            for name in ("fsync", "synchronous_commit", "full_page_writes"):
                row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
                assert row == ("on",)


def test_the_work_is_estimated() -> None:
    chosen = [*CLAIMS.values()]
    plans = make_plans(chosen, BOTH, {}, 9)
    text = describe_work(chosen, plans)
    assert f"{len(plans['sqlite'].cases)} on SQLite" in text
    assert "rounds: 9, and one to warm up" in text
    minutes = int(text.split("about ")[1].split()[0])
    assert 10 < minutes < 45


def test_requests_of_users_use_the_database() -> None:
    used = {name for name, one in WORKLOADS.items() if uses_database(Case(ONE, one, 1))}
    assert {"users", "user", "create"} <= used
    assert not {"hello", "wait"} & used


def test_an_experiment_moves_the_progress_bar_by_its_rounds() -> None:
    def many(laboratory: Laboratory) -> Findings:
        for number in range(9):
            laboratory.notify(f"measurement {number}")
        return Findings([])

    chosen = [
        Claim("many", "", "", experiment=many),
        Claim("silent", "", "", experiment=lambda _laboratory: Findings([])),
    ]
    steps = count_steps(chosen, make_plans(chosen, BOTH, {}, 3))
    with show_progress(steps) as notify:
        laboratory = Laboratory(SQLiteFiles(Path()), Path(), 3, False, notify)
        assert [*experiment(chosen, laboratory, notify)] == ["many", "silent"]
        (task,) = notify.progress.tasks
        assert task.completed == task.total == steps == 6
