"""The largest and most hostile requests to ``/compare`` cost little and leave nothing behind."""

import json
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar
from urllib.parse import urlsplit

import anyio
import httpx2 as httpx
import pytest
from starlette.testclient import TestClient

from framework_gateway.compare.comparer import SMALL, Comparer, compare_rounds
from framework_gateway.compare.contents import Content
from framework_gateway.compare.documents import LONGEST_BODY, MAX_DIFFERENCES, render
from framework_gateway.compare.findings import Comparison
from framework_gateway.compare.json_values import MAX_DEPTH, parse_json, spell
from framework_gateway.compare.messages import Answer, Request
from framework_gateway.compare.reports.bodies import lines_of
from framework_gateway.compare.rules import Rules
from framework_gateway.compare.targets import Application
from framework_gateway.observability.access_log import kind_as_json
from tests.conftest import assert_problem
from tests.databases import PostgreSQL, SQLite, free_port
from tests.gateways import compose
from tests.servers import Server, serve
from tests.wsgi.server import wait_until

LIMIT = 64 * 1024
GET = Request("GET", "/")
# These get longer in JSON, in shell quotes, in Base64 or with a mount's name.
PIECES = [b"\0", b"'", b'"', b"\\", b"\n", b"\xff", "é".encode(), b"{framework}", b"x{framework}"]
ROOM = 16 * 1024  # bytes of a document with the request and three short responses


def fill(piece: bytes, size: int = LIMIT) -> bytes:
    return (piece * (size // len(piece) + 1))[:size]


@pytest.mark.parametrize("piece", PIECES)
def test_a_body_does_not_multiply_in_the_document(gateway: TestClient, piece: bytes) -> None:
    for size in (500, 1000, 4000, LIMIT):
        response = gateway.post("/compare/api/users", content=fill(piece, size))
        assert response.status_code == 200
        assert len(response.content) < ROOM


@pytest.mark.parametrize("piece", [b"'", b'"', b"\\", b"%25", b"%00", b"{framework}"])
def test_headers_and_paths_do_not_multiply_in_the_document(
    gateway: TestClient, piece: bytes
) -> None:
    text = fill(piece, LIMIT).decode()
    # The gateway accepts 2 KiB of fields with parameters.
    headers = {"X-Long": text, "Accept": text[:2000]}
    response = gateway.get("/compare/api/users", headers=headers)
    assert response.status_code == 200
    assert len(response.content) < ROOM
    assert gateway.portal is not None
    for path in ("/admin/nothing?next=", "/api/users?search=", "/"):
        request = Request("GET", f"/compare{path}{text}")
        ask = partial(Application("gateway", gateway.app).answer, request, 10 * LIMIT)
        assert len(gateway.portal.call(ask).body) < ROOM


def test_a_body_over_the_limit_is_refused(gateway: TestClient) -> None:
    assert_problem(gateway.post("/compare/api/users", content=b" " * (LIMIT + 1)), 413)

    def chunks() -> Iterator[bytes]:
        yield from [b" " * 1024] * 65

    assert_problem(gateway.post("/compare/api/users", content=chunks()), 413)


def test_the_limit_is_a_setting() -> None:
    client = TestClient(compose(max_compare_size=10), "http://127.0.0.1")
    assert_problem(client.post("/compare/api/hello", content=b" " * 11), 413)
    assert client.post("/compare/api/hello", content=b" " * 10).status_code == 200


METHODS = ["X" * 33, "X" * 60_000, "GE T", "", " ", "GET,POST", "G\tT", "(", b"\xe9", b"\xc3\x9f"]


@pytest.mark.parametrize("method", METHODS)
def test_an_invalid_method_is_refused(gateway: TestClient, method: str | bytes) -> None:
    before = kind_as_json.cache_info().currsize
    value = method.encode() if isinstance(method, str) else method
    for wire in ("GET", "POST"):
        response = gateway.request(wire, "/compare/api/hello", headers=[(b"Compare-Method", value)])
        assert_problem(response, 400)
    assert kind_as_json.cache_info().currsize <= before + 4


def test_a_custom_method_is_passed_on(gateway: TestClient) -> None:
    for method in ("PURGE", "M-SEARCH", "X" * 32):
        document = gateway.post("/compare/api/hello", headers={"Compare-Method": method}).json()
        assert document["request"]["method"] == method
        assert {answer["status"] for answer in document["answers"]} == {405}
    assert "PURGE" not in gateway.get("/metrics").text


@pytest.mark.parametrize("names", [",".join(f"/{n}" for n in range(51)), "/" + "x" * 4000])
def test_too_many_ignored_names_are_refused(gateway: TestClient, names: str) -> None:
    response = gateway.get("/compare/api/hello", headers={"Compare-Ignore": names})
    assert_problem(response, 400)


def test_no_regular_expression_from_a_request_is_cached(gateway: TestClient) -> None:
    re.purge()
    for number in range(5):
        word = f"{'x' * 2000}{number}"
        gateway.post(
            f"/compare/api/users?search={word}" + "%7Bframework%7D",
            content=word + "{framework}",
            headers={"Compare-Ignore": f"/{word}/*"},
        )
    kept = str([*re._cache]) + str([*getattr(re, "_cache2", {})])  # type: ignore[attr-defined]
    assert "xxxx" not in kept


def answer(target: str, body: str, **options: Any) -> Answer:
    return Answer(target, f"http://a/{target}", GET, 0.1, 200, body=body.encode(), **options)


def compared(*answers: Answer) -> Comparison:
    return compare_rounds(GET, [answers], Rules(), {})


def document_of(*answers: Answer) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(render(compared(*answers)))
    return document


def test_long_responses_are_truncated_and_marked() -> None:
    document = document_of(answer("a", "x" * LONGEST_BODY), answer("b", "x" * (LONGEST_BODY + 1)))
    assert [len(one["body"]) for one in document["answers"]] == [LONGEST_BODY, LONGEST_BODY]
    assert [one.get("truncated") for one in document["answers"]] == [None, True]
    assert document["answers"][1]["size"] == LONGEST_BODY + 1
    assert document["identical"] is False


def test_many_differences_are_counted() -> None:
    document = document_of(*(answer(name, json.dumps([name] * 2000)) for name in "ab"))
    assert len(document["differences"]) == MAX_DIFFERENCES
    assert document["differences_left_out"] == 2000 - MAX_DIFFERENCES


def test_long_values_are_truncated() -> None:
    long = {"x": ["y"] * 10_000}
    header = [("Location", "l" * 50_000)]
    document = document_of(
        answer("a", json.dumps({"long": long}), headers=header),
        replace(answer("b", "{}"), error="e" * 50_000),
        answer("c", "{}"),
    )
    assert len(json.dumps(document)) < LONGEST_BODY + ROOM


@pytest.mark.parametrize(
    ("one", "two"),
    [("1e400", "1"), ('"\\ud800"', '"x"'), ("[" * 5000 + "]" * 5000, "1"), ('{"a":' * 900, "{}")],
)
def test_unusual_json_is_compared_and_the_result_is_valid_json(one: str, two: str) -> None:
    def fail(constant: str) -> None:
        raise AssertionError(constant)

    comparison = compared(answer("a", one), answer("b", two))
    assert comparison.counting
    json.loads(render(comparison), parse_constant=fail)
    json.dumps(comparison.as_dict(), allow_nan=False)


@pytest.mark.parametrize("open_and_close", [("[", "]"), ('{"a":', "}")])
def test_json_is_compared_up_to_200_levels(open_and_close: tuple[str, str]) -> None:
    begin, end = open_and_close
    inner = "{}" if begin == "[" else "[]"
    deepest = (begin * (MAX_DEPTH - 1) + inner + end * (MAX_DEPTH - 1)).encode()
    assert parse_json(deepest)
    with pytest.raises(ValueError, match="200"):
        parse_json(begin.encode() + deepest + end.encode())
    answers = [answer(name, deepest.decode().replace(inner, one)) for name, one in ("a1", "b2")]
    (difference,) = compared(*answers).counting
    assert difference.values == {"a": "1", "b": "2"}


@pytest.mark.parametrize("text", ['"' + "[" * 5000 + '"', r'["\"[[", "]"]', r'"\ud800"', "[] "])
def test_brackets_in_strings_do_not_count_as_levels(text: str) -> None:
    assert json.loads(spell(parse_json(text.encode()))) == json.loads(text)


def test_deep_json_can_be_printed() -> None:
    deep = "[" * 5000 + "]" * 5000
    assert lines_of(answer("a", deep)) == [deep]


class RecordsThread(Answer):
    """A response that records in which thread it is compared."""

    threads: ClassVar[set[int]] = set()

    @property
    def content(self) -> Content:
        self.threads.add(threading.get_ident())
        return super().content


class Target:
    """A target that answers at once."""

    url = "http://localhost"

    def __init__(self, name: str) -> None:
        self.name = name

    async def answer(self, request: Request, max_size: int) -> Answer:
        body = self.name.encode() * SMALL
        return RecordsThread(self.name, self.url, request, 0.1, 200, body=body)


def test_the_event_loop_does_not_compare_large_answers() -> None:
    comparer = Comparer([Target("a"), Target("b")])
    RecordsThread.threads.clear()
    anyio.run(comparer.compare, Request("GET", "/"))
    assert RecordsThread.threads
    assert threading.get_ident() not in RecordsThread.threads


@pytest.fixture(scope="module")
def server(migrated: SQLite | PostgreSQL) -> Iterator[tuple[str, Server]]:
    """A gateway on a socket, with an application that fails."""
    origin = f"http://127.0.0.1:{free_port()}"
    command = ("gateway", "--port", origin.rpartition(":")[2])
    own = ("--mount", "/own=tests.compare.applications:main")
    with serve(*command, *own, origin=origin, path="/flask/api/hello") as process:
        yield origin, process


def test_no_line_of_the_log_is_long(server: tuple[str, Server]) -> None:
    origin, process = server
    long = "x" * 60_000
    with httpx.Client(base_url=f"{origin}/compare") as client:
        client.post("/api/hello", headers={"Compare-Method": long})
        client.get(f"/fail/{long}")
        client.get(f"/{long}")
        client.get("/fail", headers={"X-Long": long})
        client.post("/api/users", content=fill(b"\0"))
        client.get("/the/last")
    wait_until(lambda: "/compare/the/last" in process.output)
    assert max(map(len, process.output.splitlines())) < 8 * 1024


def test_other_spellings_of_compare_are_not_the_endpoint_on_the_wire(
    server: tuple[str, Server],
) -> None:
    url = urlsplit(server[0])
    for path in (b"/comp%61re/api/users", b"/%63ompare/../compare/api/users", b"/compare%2fapi"):
        with socket.create_connection((url.hostname, url.port), 10) as connection:
            host = url.netloc.encode()
            connection.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
            assert connection.recv(12) in (b"HTTP/1.1 404", b"HTTP/1.1 400")


def test_a_response_that_is_too_long_is_not_an_application_error(
    gateway: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Otherwise, anybody could fill the log with it."""
    document = gateway.get("/compare/static-offline-docs/redoc.standalone.js").json()
    errors = {answer["target"]: answer["error"] for answer in document["answers"]}
    assert errors["fastapi"] == "the answer is longer than 1048576 bytes"
    assert [record for record in caplog.records if record.exc_info] == []
