"""The newer experiments: both sides of each comparison answer alike, and the figures are right."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import httpx2 as httpx
import pytest
from click.testing import CliRunner

from showdown.__main__ import main
from showdown.bench.databases import share_postgresql
from showdown.bench.servers import Running, family, run
from showdown.bench.targets import Server, Target
from showdown.claims import cold_start, django_async, drivers, inference, starts, upstream
from showdown.claims.apps.lambda_start import make_event
from showdown.claims.apps.upstream import VARIABLE
from showdown.claims.loads import DJANGO, FASTAPI, FLASK
from showdown.claims.loads import SERVERS as LOAD_SERVERS
from tests.databases import PostgreSQL, SQLite

SERVERS = {**LOAD_SERVERS, **django_async.SLIM, **drivers.SERVERS}
Answer = tuple[int, str, str | None, str | None]


@contextmanager
def running(
    servers: Mapping[str, Server], url: str, directory: Path
) -> Iterator[dict[str, Running]]:
    """Run several servers until the block ends."""
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(run(server, url, directory))
            for name, server in servers.items()
        }


def ask(server: Running, target: Target, path: str) -> Answer:
    """Return the status, the body, its type, and the link without the prefix of the target."""
    answer = httpx.get(f"http://127.0.0.1:{server.port}{target.prefix}{path}", timeout=60)
    link = answer.headers.get("Link")
    if link:
        link = link.replace(f"<{target.prefix}/", "</")
    return answer.status_code, answer.text, answer.headers["Content-Type"], link


def answers(
    servers: Mapping[str, Running], targets: Iterable[Target], path: str
) -> dict[Answer, list[str]]:
    """Return the titles of the targets by their answers."""
    found: dict[Answer, list[str]] = {}
    for target in targets:
        found.setdefault(ask(servers[target.server], target, path), []).append(target.title)
    return found


def test_async_django_answers_as_sync_django_and_fastapi(tmp_path: Path, database: SQLite) -> None:
    targets = (django_async.SYNC, django_async.ASYNC, FASTAPI)
    servers = {target.server: SERVERS[target.server] for target in targets}
    with running(servers, database.url, tmp_path) as started:
        for path in ("/api/hello", "/api/users?limit=1", "/api/users?limit=20", "/api/wait?ms=1"):
            found = answers(started, targets, path)
            assert len(found) == 1, found
            assert next(iter(found))[0] == 200


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    """The URL of a PostgreSQL database with users."""
    # Not tmp_path, because PostgreSQL's own user may not enter it.
    with tempfile.TemporaryDirectory(prefix="gateway-") as name:
        server = PostgreSQL(Path(name))
        with server.serving(), share_postgresql(server.url, allowed=False) as shared:
            yield shared.url


@pytest.mark.slow
def test_drivers_and_orms_answer_alike(tmp_path: Path, postgresql: str) -> None:
    claims = (drivers.ASYNC_DRIVER, drivers.RAW_QUERY, drivers.FASTER_DRIVER)
    targets = {case.target: None for claim in claims for case in claim.cases}
    assert {FLASK, DJANGO, django_async.SYNC, drivers.DJANGO_RAW} < {*targets}
    # On PostgreSQL, this one has a pool.
    targets[django_async.ASYNC] = None
    # The threads and the pools of all servers fit into the limit of one PostgreSQL server.
    servers = {target.server: replace(SERVERS[target.server], threads=4) for target in targets}
    with running(servers, postgresql, tmp_path) as started:
        for path in ("/api/users?limit=20", "/api/users?limit=3&after=4"):
            found = answers(started, targets, path)
            assert len(found) == 1, found
            ((status, body, _, link),) = found
            assert status == 200
            assert len(json.loads(body)) == (20 if "limit=20" in path else 3)
            assert link is not None


def test_all_callers_of_the_slow_service_answer_alike(tmp_path: Path) -> None:
    with run(upstream.SLOW_SERVICE, "sqlite:///unused", tmp_path) as service:
        variables = {VARIABLE: f"http://127.0.0.1:{service.port}/"}
        servers = {
            name: replace(server, variables=variables) for name, server in upstream.SERVERS.items()
        }
        with running(servers, "sqlite:///unused", tmp_path) as started:
            found = answers(
                started, (upstream.HTTPX, upstream.AIOHTTP, *upstream.THREADED), "/api/price"
            )
    assert [*found] == [(200, '{"price":42}', "application/json", None)]


def test_all_servers_of_the_model_predict_alike(tmp_path: Path) -> None:
    with running(inference.SERVERS, "sqlite:///unused", tmp_path) as started:
        found = answers(started, inference.TARGETS, "/api/predict")
        greetings = answers(started, inference.TARGETS, "/api/hello")
    assert len(found) == 1, found
    ((status, body, _, _),) = found
    assert status == 200
    assert len({*json.loads(body)["classes"]}) > 1
    assert [*greetings] == [(200, '{"message":"Hello, World!"}', "application/json", None)]


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize("subject", starts.PATHS)
def test_cold_starts_answer_alike(subject: str, database: SQLite) -> None:
    found = [
        start(subject, framework, database.url)
        for framework in starts.FRAMEWORKS
        for start in (starts.start_server, starts.start_function)
    ]
    bodies = [json.loads(start.body) for start in found]
    assert bodies == [bodies[0]] * len(found)
    assert all(start.seconds > 0 and start.memory > 5 for start in found)


def test_an_event_has_the_path_and_the_query() -> None:
    event = make_event("/api/users?limit=20&after=3")
    assert (event["rawPath"], event["rawQueryString"]) == ("/api/users", "limit=20&after=3")


def test_a_slow_cold_start_of_the_others_speaks_for_fastapi() -> None:
    def rounds(framework: str) -> list[starts.Start]:
        factor = {"FastAPI": 1, "Flask": 2, "Django": 4}[framework]
        return [starts.Start(number * factor, 10 * factor, "") for number in (1.0, 3.0)]

    measured = {
        (way, *key): rounds(key[1])
        for way in (cold_start.SERVER, cold_start.FUNCTION)
        for key in starts.APPLICATIONS
    }
    conditions = {one.name: one.values for one in cold_start.judge(measured)}
    assert len(conditions) == 16
    assert conditions["a greeting, server, seconds: Flask to FastAPI"] == [2, 2]
    assert conditions["the users API, function, memory: Django to FastAPI"] == [4, 4]


def test_predictions_are_compared_by_rate_and_by_the_delay_of_others() -> None:
    Both = inference.Both
    measured = {
        inference.ASYNC: [Both(300, 20), Both(600, 10)],
        inference.DEF: [Both(100, 10), Both(200, 10)],
        inference.FLASK: [Both(200, 40), Both(200, 40)],
        inference.DJANGO: [Both(100, 10), Both(100, 5)],
    }
    conditions = {one.name: one.values for one in inference.judge(measured)}
    assert conditions["predictions with async def: FastAPI to Flask"] == [1.5, 3]
    assert conditions["delay of hello with async def: Flask to FastAPI"] == [2, 4]
    assert conditions["predictions with def: FastAPI to Django"] == [1, 2]
    assert conditions["delay of hello with def: Django to FastAPI"] == [1, 0.5]
    assert len(conditions) == 8


THREADS = """
import threading
print("ready", flush=True)
while True:
    threads = [threading.Thread(target=int) for _ in range(20)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
"""


def test_threads_may_end_while_their_process_is_measured() -> None:
    """Django over ASGI starts a thread for each request."""
    command = [sys.executable, "-c", THREADS]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            assert [family(process.pid) for _ in range(2000)] == [[process.pid]] * 2000
        finally:
            process.kill()


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.usefixtures("wrk")
def test_a_quick_run_of_the_newer_claims(tmp_path: Path) -> None:
    names = [
        *("django-async", "fastapi-leads", "slow-upstream", "async-driver", "raw-query"),
        *("faster-driver", "cold-start", "inference"),
    ]
    file = tmp_path / "claims.json"
    only = [option for name in names for option in ("--only", name)]
    result = CliRunner().invoke(main, ["claims", "--quick", *only, "--report", str(file)])
    assert result.exit_code == 0, result.output
    claims = {claim["name"]: claim for claim in json.loads(file.read_text())["claims"]}
    assert [*claims] == names
    for claim in claims.values():
        assert claim["conditions"]
        assert claim["figures"]
        assert claim["left_out"] == []
