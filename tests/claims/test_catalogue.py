"""Each claim has a rule that can be applied, and servers that exist."""

from pathlib import Path

import pytest

from showdown.bench.load import ask
from showdown.bench.servers import run
from showdown.bench.targets import program
from showdown.claims.catalogue import CLAIMS
from showdown.claims.loads import SERVERS
from showdown.claims.planning import all_servers, missing_servers
from showdown.claims.run import compare
from showdown.claims.validation import BAD
from tests.databases import SQLite, missing


def test_every_claim_has_one_way_to_be_decided() -> None:
    for name, claim in CLAIMS.items():
        ways = [bool(claim.comparisons), bool(claim.experiment), bool(claim.link)]
        assert ways.count(True) == 1, name
        assert claim.quote
        assert claim.rule


def test_every_case_has_a_server_and_a_unique_name() -> None:
    cases = list({case: None for claim in CLAIMS.values() for case in claim.cases})
    assert {case.target.server for case in cases} <= {*all_servers([*CLAIMS.values()])}
    assert len({case.name for case in cases}) == len(cases)


def test_compared_cases_differ_only_in_the_target() -> None:
    for claim in CLAIMS.values():
        for comparison in claim.comparisons:
            case, other = comparison.case, comparison.other
            assert case.target != other.target
            assert (case.workload, case.connections) == (other.workload, other.connections)


def test_missing_programs_are_reported_with_the_install_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    claim = CLAIMS["node-go"]
    monkeypatch.setenv("PATH", "")
    left_out = missing_servers([claim])
    assert left_out == {
        "node": "node is not installed (apt-get install nodejs)",
        "go": "go is not installed (apt-get install golang-go)",
    }
    findings = compare(claim, {"sqlite": {}}, left_out)
    assert not findings.conditions
    assert findings.left_out == [*left_out.values()]


@pytest.mark.parametrize("name", ["node", "go", "blocking", "django-cached", "gateway-1"])
def test_the_servers_of_the_experiments_answer(name: str, tmp_path: Path, database: SQLite) -> None:
    server = SERVERS[name]
    if not program(server.needs):
        missing(f"{server.needs} is not installed ({server.install})")
    path, body = {
        "node": ("/api/hello", '{"message":"Hello, World!"}'),
        "go": ("/api/hello", '{"message":"Hello, World!"}\n'),
        "blocking": ("/api/wait?ms=1", '{"waited_ms":1}'),
        "django-cached": ("/api/users?limit=1", '[{"id":1,"name":"Alice","email":"alice@example.'),
        "gateway-1": ("/flask/api/hello", '{"message":"Hello, World!"}'),
    }[name]
    with run(server, database.url, tmp_path) as running:
        status, answer = ask(running.port, path, "GET")
    assert status == 200
    assert answer.startswith(body)


def test_the_cached_list_is_served_from_the_cache(tmp_path: Path, database: SQLite) -> None:
    with run(SERVERS["django-cached"], database.url, tmp_path) as running:
        before = ask(running.port, "/api/users", "GET")
        assert ask(running.port, "/api/users", "POST")[0] == 201
        assert ask(running.port, "/api/users", "GET") == before
        assert ask(running.port, "/api/users?limit=100", "GET") != before


def test_there_are_invalid_users_of_each_kind() -> None:
    assert all(BAD.values())
