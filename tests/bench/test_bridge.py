"""The bridge suite: its rules refer to cases that are measured."""

from pathlib import Path

import httpx2 as httpx
import pytest

from showdown.bench.bridge import BRIDGE_SERVERS, CASES, RULES
from showdown.bench.measure import Case
from showdown.bench.rules import Rule
from showdown.bench.servers import run
from showdown.bench.suites import Suite, measure_suite
from showdown.bench.targets import UVICORN, Server, Target
from showdown.bench.workloads import Workload
from tests.wsgi.server import wait_until

GREETER = """
import os

with open(f"{os.path.dirname(__file__)}/starts", "a") as file:
    print(os.getpid(), file=file)

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})
"""


def test_the_cases_of_every_rule_are_measured() -> None:
    names = [case.target.name for case in CASES]
    assert len(set(names)) == len(names) == len({case.name for case in CASES})
    assert {name for rule in RULES for name in (rule.case, rule.other)} <= {*names}
    assert {case.target.server for case in CASES} == {*BRIDGE_SERVERS}


@pytest.mark.parametrize("name", ["observed", "unobserved"])
def test_the_gateway_serves_with_and_without_observation(tmp_path: Path, name: str) -> None:
    url = f"sqlite:///{tmp_path}/db.sqlite3"
    with run(BRIDGE_SERVERS[name], url, tmp_path) as server:
        answer = httpx.get(f"http://127.0.0.1:{server.port}/fastapi/api/hello")
        assert (answer.status_code, answer.headers["x-content-type-options"]) == (200, "nosniff")
        noted = ["x-request-id" in answer.headers, "server-timing" in answer.headers]
        assert noted == [name == "observed"] * 2
        if name == "observed":
            wait_until(lambda: f'"request_id":"{answer.headers["x-request-id"]}"' in server.log())
    assert "server" not in answer.headers  # uvicorn's own protocol would send one


@pytest.mark.slow
@pytest.mark.usefixtures("wrk")
def test_each_round_starts_new_servers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "greeter.py").write_text(GREETER)
    server = Server(f"{UVICORN} --lifespan off --app-dir {tmp_path} greeter:app")
    case = Case(Target("greeter", "The greeter", "greeter"), Workload("hello", "", "/"), 2)
    rule = Rule("rate", "greeter", "greeter", at_least=1.0)
    suite = Suite("greetings", [case], {"greeter": server}, [rule], warm_up=1)
    measure_suite(suite, rounds=2, seconds=1)
    assert len({*(tmp_path / "starts").read_text().split()}) == 2
    assert "1.00 (1.00-1.00)" in capsys.readouterr().out
