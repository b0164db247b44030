"""The server keeps nothing of what clients send, however many different values they send."""

import gc
import io
import logging
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from contract.settings import get_settings
from framework_gateway.observability.access_log import AccessLog, as_json, as_text
from framework_gateway.observability.logs import JSONFormatter, TextFormatter
from framework_gateway.observability.metrics import MAX_SERIES
from tests.conftest import FRAMEWORKS
from tests.databases import PostgreSQL, SQLite
from tests.gateways import compose, seen
from tests.sampling import pairs
from tests.wsgi.server import wait_until

LONG = 20_000  # bytes of each value
FIRST = 150  # more than the 128 URLs that urllib.parse caches
MORE = 150
LONGEST_LINE = 8 * 1024

Header = tuple[bytes, bytes]


class Counted(io.StringIO):
    """A stream that keeps only the number of lines."""

    lines = 0

    def write(self, text: str) -> int:
        self.lines += text.count("\n")
        return len(text)


class Served(NamedTuple):
    """A gateway and its access log."""

    client: TestClient
    log: Counted


def echo(request: Any) -> Response:
    """Answer with values of the request, as careless applications do."""
    name = request.headers.get("x-name", "x-any")
    media_type = request.headers.get("x-type", "text/plain")
    return Response(b"", headers={name: "1", "content-type": media_type})


@pytest.fixture(scope="module")
def served(migrated: SQLite | PostgreSQL) -> Iterator[Served]:
    """A gateway whose log lines are only counted."""
    from gateway import applications_of

    mounts = {
        **applications_of(get_settings()),
        "/echo": Starlette(routes=[Route("/{path:path}", echo)]),
    }
    log = Counted()
    app = compose(mounts, AccessLog(log, as_json), trusted_proxies=["127.0.0.1"])
    with TestClient(app) as client:
        yield Served(client, log)


def ask(client: TestClient, path: str, *headers: Header, query: bytes = b"", **more: Any) -> None:
    """Send a request as a server does; a client library could keep something itself."""
    host = [] if any(name == b"host" for name, _ in headers) else [(b"host", b"localhost")]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "headers": [*host, *headers],
        "root_path": "",
        "extensions": {},
        **more,
    }

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_message: Any) -> None:
        pass

    portal = client.portal
    assert portal is not None
    portal.call(client.app, scope, receive, send)


def named(name: bytes, before: bytes = b"") -> Callable[[bytes], dict[str, Any]]:
    return lambda value: {"headers": [(name, before + value)]}


HEADERS = [
    *("host", "accept", "accept-language", "content-type", "origin", "referer"),
    *("user-agent", "x-request-id", "if-none-match", "range", "last-event-id"),
]
ASKED: dict[str, Callable[[bytes], dict[str, Any]]] = {
    "path": lambda value: {"path": value.decode()},
    "query": lambda value: {"query": b"search=" + value},
    "parameter": lambda value: {"query": value + b"=1"},
    "method": lambda value: {"method": value.decode()},
    "token": named(b"authorization", b"Bearer "),
    "session": named(b"cookie", b"sessionid="),
    "cookie": named(b"cookie", b"a="),
    "name of a cookie": lambda value: {"headers": [(b"cookie", value + b"=1")]},
    "header": named(b"x-any"),
    "name of a header": lambda value: {"headers": [(value, b"1")]},
    "client": named(b"x-forwarded-for"),
    "scheme": named(b"x-forwarded-proto"),
    **{name: named(name.encode()) for name in HEADERS},
}
OF_ANSWERS = {"name of an answer's header": b"x-name", "type of an answer": b"x-type"}


def grown(served: Served, each: Callable[[bytes], None]) -> int:
    """Return by how many bytes the memory in use grows after more different values."""

    def used(numbers: range) -> int:
        due = served.log.lines + len(numbers)
        for number in numbers:
            each(b"%d" % number + b"x" * LONG)
        # Until then, the metrics have not counted the requests.
        wait_until(lambda: served.log.lines == due)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = used(range(FIRST))
        return used(range(FIRST, FIRST + MORE)) - before
    finally:
        tracemalloc.stop()


PLACES = [*FRAMEWORKS, ""]
# One of each kind of value is enough for a sample, and every third of the headers.
SAMPLED = {*ASKED} - {*HEADERS} | {*HEADERS[::3]}


@pytest.mark.parametrize(
    ("kind", "mount"),
    pairs([kind for kind in ASKED if kind in SAMPLED], PLACES)
    + [
        pytest.param(kind, mount, marks=pytest.mark.slow)
        for kind in ASKED
        if kind not in SAMPLED
        for mount in PLACES
    ],
)
def test_nothing_is_kept_of_a_request(served: Served, kind: str, mount: str) -> None:
    begin = f"/{mount}/api/hello" if mount else "/health/live"

    def each(value: bytes) -> None:
        asked = ASKED[kind](value)
        path = begin + "/" + asked.pop("path") if "path" in asked else begin
        ask(served.client, path, *asked.pop("headers", ()), **asked)

    assert grown(served, each) < MORE * LONG / 10


@pytest.mark.parametrize("kind", OF_ANSWERS)
def test_nothing_is_kept_of_an_answer(served: Served, kind: str) -> None:
    def each(value: bytes) -> None:
        ask(served.client, "/echo/", (OF_ANSWERS[kind], value))

    assert grown(served, each) < MORE * LONG / 10


@pytest.mark.slow
def test_the_number_of_routes_in_the_metrics_is_limited() -> None:
    def invent(environ: Any, start_response: Any) -> list[bytes]:
        environ["bridge.route"] = environ["PATH_INFO"]
        start_response("200 OK", [])
        return [b""]

    with seen({"/shop": invent}) as gateway:
        for number in range(MAX_SERIES + 50):
            ask(gateway.client, f"/shop/{number}")
        path = f"/shop/{'x' * 5000}"
        ask(gateway.client, path)
        name = "http_request_duration_seconds_count"
        wait_until(lambda: gateway.metric(name, framework="shop") == MAX_SERIES + 51)
        assert gateway.metric(name, framework="shop", route="other") >= 50
        lines = gateway.stream.getvalue().splitlines()
    assert max(map(len, lines)) <= LONGEST_LINE


def test_a_long_forwarded_address_is_truncated() -> None:
    with seen(trusted_proxies=["127.0.0.1"]) as gateway:
        made_up = (b"x-forwarded-for", b"x" * 60_000)
        ask(gateway.client, "/health/live", made_up, (b"x-request-id", b"cut"))
        assert gateway.line("cut")["client"] == "x" * 64


@pytest.mark.parametrize("unit", ["x", "\x00", "é", "\N{FOX FACE}", "\n", '"'])
@pytest.mark.parametrize("formatter", [JSONFormatter(), TextFormatter("%(message)s")])
def test_no_log_record_is_longer_than_the_limit(unit: str, formatter: logging.Formatter) -> None:
    text = unit * 100_000
    try:
        raise ValueError(text)
    except ValueError as error:
        exc_info = (ValueError, error, error.__traceback__)
    for more in ({}, {"exc_info": exc_info}):
        record = logging.makeLogRecord({"msg": f"first {text} last", **more})
        written = formatter.format(record)
        assert max(len(line.encode()) for line in written.splitlines()) <= LONGEST_LINE
        assert "first" in written
        assert "last" in written
        if more:
            assert "ValueError" in written


@pytest.mark.parametrize("form", [as_json, as_text])
@pytest.mark.parametrize("unit", ["x", "\x00", "é", "\N{FOX FACE}"])
def test_no_access_log_line_is_longer_than_the_limit(unit: str, form: Any) -> None:
    from framework_gateway.observability.observed import FinishedRequest

    kind = ("/shop", "M" * 32, "/" + "x" * 200, 200)
    client = "a" * 64
    ended = FinishedRequest(
        b"i" * 64, client, unit * 60_000, kind, 10**12, True, 0.0, 0.0, 0.0, 0.0
    )
    stream = io.StringIO()
    AccessLog(stream, form).write([ended])
    assert len(stream.getvalue().encode()) <= LONGEST_LINE
