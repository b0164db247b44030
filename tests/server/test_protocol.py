"""Limits of connections on real sockets: heads, slow clients, and stops that lose nothing."""

import asyncio
import logging
import socket
import threading
from collections.abc import Iterable, Iterator

import pytest
from starlette.types import Receive, Scope, Send

from framework_gateway.server.limits import Limits
from framework_gateway.server.protocol import Connection, refused
from tests.wsgi.answers import MEGABYTE, answering, echoes
from tests.wsgi.clients import Answer, head, read_answer, read_to_end, read_until
from tests.wsgi.responses import Environ, StartResponse, hello
from tests.wsgi.server import PATIENCE, Served, serve, wait_until

LIMITS = Limits(
    max_head_size=4096,
    max_headers=20,
    max_connections=10,
    head_timeout=1,
    body_timeout=1,
    send_timeout=1,
)


@pytest.fixture(scope="module")
def module_server() -> Iterator[Served]:
    with serve(threads=4, limits=LIMITS) as served:
        yield served


@pytest.fixture
def server(module_server: Served) -> Iterator[Served]:
    """The server; after each test it must have no connection and still answer."""
    module_server.app = hello
    refused.clear()
    yield module_server
    module_server.app = hello
    wait_until(lambda: not module_server.server.server_state.connections)
    assert module_server.get().status == 200


def connections(server: Served) -> list[Connection]:
    """Return the open connections."""
    found = server.server.server_state.connections
    return [connection for connection in found if isinstance(connection, Connection)]


def names_of_headers(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with the names of the request's headers."""
    start_response("200 OK", [])
    return [",".join(sorted(name for name in environ if name.startswith("HTTP_"))).encode()]


def send(server: Served, data: bytes) -> Answer:
    """Send bytes and read the response."""
    with server.connect() as connection:
        connection.sendall(data)
        return read_answer(connection)


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/app/", ["A: " + "a" * 5000]),
        ("/app/" + "a" * 5000, []),
        ("/app/", [f"A{number}: {'a' * 300}" for number in range(15)]),
        ("/app/", [f"A{number}: a" for number in range(20)]),
    ],
    ids=["value", "target", "sum", "number"],
)
def test_a_head_beyond_the_limit_gets_431(server: Served, path: str, fields: list[str]) -> None:
    answer = send(server, head(path, *fields))
    assert (answer.status, answer.complete) == (431, True)
    assert answer.header("Connection") == "close"


def test_a_head_within_the_limit_is_served(server: Served) -> None:
    assert send(server, head("/app/", "A: " + "a" * 3900, "Connection: close")).status == 200
    many = [f"A{number}: a" for number in range(18)]
    assert send(server, head("/app/", *many, "Connection: close")).status == 200


def test_a_body_does_not_count_as_head(server: Served) -> None:
    server.app = echoes
    whole = head("/app/", "Content-Length: 6000", "Connection: close", method="POST") + b"x" * 6000
    answer = send(server, whole)
    assert (answer.status, len(answer.body)) == (200, 6000)


def test_an_endless_head_gets_a_response_before_it_ends(server: Served) -> None:
    with server.connect() as connection:
        connection.sendall(b"GET /app/ HTTP/1.1\r\nA: " + b"a" * 6000)
        assert read_answer(connection).status == 431


def test_a_connection_without_a_head_is_closed_without_a_response(server: Served) -> None:
    with server.connect() as connection:
        assert read_to_end(connection) == b""


def test_a_slow_head_gets_408(server: Served) -> None:
    with server.connect() as connection:
        connection.sendall(b"GET /app/ HTTP/1.1\r\n")
        assert read_answer(connection).status == 408
    assert refused["slow head"] == 1


def test_a_slow_second_head_gets_408(server: Served) -> None:
    with server.connect() as connection:
        connection.sendall(head("/app/"))
        assert read_answer(connection).status == 200
        connection.sendall(b"\r\n")  # parsers skip an empty line before a head
        assert read_answer(connection).status == 408


@pytest.mark.parametrize("field", ["Content-Length: 100", "Transfer-Encoding: chunked"])
def test_a_slow_body_gets_408_and_reaches_no_application(server: Served, field: str) -> None:
    called = []

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        called.append(environ)
        return hello(environ, start_response)

    server.app = app
    with server.open("/app/", field, method="POST") as connection:
        assert read_answer(connection).status == 408
    wait_until(server.is_idle)
    assert called == []
    assert refused["slow body"] == 1


def test_time_before_the_head_does_not_count_for_the_body(server: Served) -> None:
    server.app = echoes
    with server.connect() as client:
        address = client.getsockname()

        def ends() -> list[Connection]:
            return [end for end in connections(server) if end.client == address]

        wait_until(ends)
        (connection,) = ends()
        connection.checked_at -= 100  # as if the last check were long ago
        client.sendall(head("/app/", "Content-Length: 4", method="POST"))
        wait_until(lambda: connection.receiving)
        now = connection.loop.time()
        connection.loop.call_soon_threadsafe(connection.check, now)
        client.sendall(b"body")
        assert read_answer(client).body == b"body"


def test_a_body_at_a_sufficient_rate_is_served(server: Served) -> None:
    server.app = echoes
    size = 20 * 150
    with server.open(
        "/app/", f"Content-Length: {size}", "Connection: close", method="POST"
    ) as connection:
        pause = threading.Event()
        for _ in range(20):
            connection.sendall(b"x" * 150)
            pause.wait(0.1)  # 2 s in total, twice the limit, as this test needs
        assert read_answer(connection).status == 200


def test_a_body_after_an_early_response_must_arrive_in_time(server: Served) -> None:
    """After a response that did not wait for the body, the rest must not trickle for ever."""
    length = f"Content-Length: {50 * 1024 * 1024}"
    with server.open("/app/", length, method="POST") as connection:
        assert read_answer(connection).status == 413
        assert read_to_end(connection) == b""


@pytest.mark.parametrize(
    "padding",
    [
        (b"1;" + b"x" * 500 + b"\r\na\r\n") * 60,
        b"0\r\nT: " + b"t" * 30000,
        b"0\r\n" + b"T: t\r\n" * 50,
    ],
    ids=["extensions", "long trailer", "many trailers"],
)
def test_chunk_extensions_and_trailers_are_limited(server: Served, padding: bytes) -> None:
    with server.open("/app/", "Transfer-Encoding: chunked", method="POST") as connection:
        wait_until(lambda: any(each.receiving for each in connections(server)))
        connection.sendall(padding)
        assert read_answer(connection).status == 431


def test_trailers_do_not_become_headers(server: Served) -> None:
    server.app = names_of_headers
    answer = server.get(
        "/app/",
        *("Transfer-Encoding: chunked", "Connection: close"),
        body=b"1\r\na\r\n0\r\nRemote-User: admin\r\nHost: evil.example\r\n\r\n",
        method="POST",
    )
    assert (answer.status, answer.body) == (200, b"HTTP_CONNECTION,HTTP_HOST")


def test_a_stalled_client_is_disconnected(server: Served) -> None:
    server.app = answering(lambda: [MEGABYTE * 20])
    with server.connect(receive_buffer=4096) as connection:
        connection.sendall(head("/app/"))
        wait_until(lambda: refused["stalled reader"] == 1)
        assert len(read_to_end(connection)) < 20_000_000


def test_a_slow_client_gets_the_whole_response(server: Served) -> None:
    server.app = answering(lambda: [MEGABYTE * 4])
    received = 0
    with server.connect(receive_buffer=65536) as connection:
        connection.sendall(head("/app/", "Connection: close"))
        pause = threading.Event()
        while data := connection.recv(200_000):
            received += len(data)
            pause.wait(0.04)  # slower than the limit for a client that reads nothing
    assert received > 4_000_000


def test_connections_beyond_the_limit_get_503(server: Served) -> None:
    held = [server.connect() for _ in range(LIMITS.max_connections)]
    wait_until(lambda: len(server.server.server_state.connections) == LIMITS.max_connections)
    with server.connect() as connection:
        assert read_answer(connection).status == 503
    for connection in held:
        connection.close()


@pytest.mark.parametrize("rest", [b"GARBAGE\r\n\r\n", b"GET / HTTP/1.1\r\nA: " + b"a" * 9000])
def test_a_refusal_does_not_interrupt_the_previous_response(server: Served, rest: bytes) -> None:
    release = threading.Event()

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        assert release.wait(PATIENCE)
        return hello(environ, start_response)

    server.app = app
    with server.connect() as connection:
        connection.sendall(head("/app/"))
        wait_until(lambda: server.gauges().busy == 1)
        connection.sendall(rest)
        wait_until(lambda: refused.total() > 0)
        release.set()
        answer = read_answer(connection)
        assert (answer.status, answer.complete) == (200, True)
        assert read_to_end(connection) == b""


def test_a_body_with_a_malformed_chunk_reaches_no_application(server: Served) -> None:
    server.app = echoes
    with server.open("/app/", "Transfer-Encoding: chunked", method="POST") as connection:
        connection.sendall(b"1\r\na\r\nNONSENSE\r\n")
        assert read_answer(connection).status == 400
    wait_until(server.is_idle)


def test_a_client_that_pipelines_and_leaves_is_noticed() -> None:
    left = threading.Event()

    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"  # this server runs no lifespan

        async def wait_for_disconnect() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass

        disconnect = asyncio.create_task(wait_for_disconnect())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            while True:
                await send({"type": "http.response.body", "body": b"more", "more_body": True})
                await asyncio.sleep(0)
        except OSError:
            await disconnect
            left.set()

    with serve(others={"/stream": stream}, limits=LIMITS) as served:
        with served.connect() as connection:
            connection.sendall(head("/stream/") + head("/app/"))
            read_until(connection, b"more")
        assert left.wait(PATIENCE)


@pytest.mark.parametrize("keep_alive", [[], ["Connection: keep-alive"]])
@pytest.mark.parametrize("path", ["/app/", "/asgi/"])
def test_an_http_1_0_client_gets_no_chunks(path: str, keep_alive: list[str]) -> None:
    async def asgi(scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            own = [(b"Transfer-Encoding", b"chunked"), (b"Connection", b"keep-alive")]
            await send({"type": "http.response.start", "status": 200, "headers": own})
            for piece in (b"abc", b"", b"def"):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"g"})

    def wsgi(_environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", [("Transfer-Encoding", "chunked")])
        yield from (b"abc", b"def", b"g")

    lines = [f"GET {path} HTTP/1.0", "Host: test", *keep_alive, "", ""]
    with serve(wsgi, others={"/asgi": asgi}) as server:
        for method in ("GET", "HEAD"):
            with server.connect() as connection:
                connection.sendall("\r\n".join(lines).replace("GET", method, 1).encode())
                received = read_to_end(connection)
            begin, _, body = received.partition(b"\r\n\r\n")
            assert body == (b"abcdefg" if method == "GET" else b"")
            assert begin.startswith(b"HTTP/1.1 200 OK\r\n")
            assert b"chunked" not in begin.lower()
            assert begin.lower().count(b"\r\nconnection: close") == 1
            assert b"keep-alive" not in begin.lower()


@pytest.mark.parametrize("length", ["Content-Length: 3000000", "Transfer-Encoding: chunked"])
def test_a_final_early_response_reaches_a_client_that_is_still_sending(length: str) -> None:
    """If the server closed at once, the connection would be reset, and the response lost."""

    async def refusing(scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            own = [(b"content-length", b"2"), (b"connection", b"close")]
            await send({"type": "http.response.start", "status": 403, "headers": own})
            await send({"type": "http.response.body", "body": b"no"})

    with serve(others={"/asgi": refusing}) as server:
        for _ in range(5):
            with server.open("/asgi/", length, method="POST") as connection:
                wait_until(lambda: not server.server.server_state.tasks)
                piece = b"x" * 1000
                for _ in range(500):
                    connection.sendall(b"3e8\r\n%b\r\n" % piece if "chunked" in length else piece)
                answer = read_answer(connection)
            assert (answer.status, answer.body, answer.complete) == (403, b"no", True)


def test_a_long_early_response_arrives_completely() -> None:
    """However long the client takes to read, as long as it has stopped sending the body."""
    size = 8_000_000

    async def refusing(scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            own = [(b"content-length", b"%d" % size), (b"connection", b"close")]
            await send({"type": "http.response.start", "status": 403, "headers": own})
            await send({"type": "http.response.body", "body": b"n" * size})

    clock = threading.Event()
    with serve(others={"/asgi": refusing}) as server:
        with server.connect(receive_buffer=64 * 1024) as connection:
            connection.sendall(head("/asgi/", "Content-Length: 9", method="POST") + b"some")
            received = 0
            while data := connection.recv(32768):
                received += len(data)
                clock.wait(len(data) / 1_600_000)  # longer than a closing connection lingers
        assert received > size


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("length", [[], [(b"content-length", b"5")], [(b"Content-Length", b"5")]])
def test_a_response_that_cannot_have_a_body_has_none(
    status: int, length: list[tuple[bytes, bytes]]
) -> None:
    """The client would read its bytes as the start of the next response (RFC 9112, 6.3)."""

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": status, "headers": length})
            await send({"type": "http.response.body", "body": b"hel", "more_body": True})
            await send({"type": "http.response.body", "body": b"lo"})

    with serve(others={"/asgi": app}) as server, server.connect() as connection:
        connection.sendall(head("/asgi/") + head("/app/", "Connection: close"))
        received = read_to_end(connection)
    first, _, rest = received.partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 %d " % status)
    assert b"content-length" not in first.lower()
    assert rest.startswith(b"HTTP/1.1 200 OK\r\n")
    assert rest.endswith(b"hello")


def read_all(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


def test_a_response_to_http_1_0_that_is_cut_off_does_not_look_complete() -> None:
    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"some", "more_body": True})
            await asyncio.sleep(0.1)
            raise LookupError

    with serve(others={"/asgi": app}) as server, server.connect() as connection:
        connection.sendall(b"GET /asgi/ HTTP/1.0\r\nHost: test\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            read_all(connection)


@pytest.mark.parametrize("coding", ["identity", "xchunked", "chunked;x=y"])
def test_an_upgrade_with_a_malformed_body_is_refused_once(
    coding: str, caplog: pytest.LogCaptureFixture
) -> None:
    lines = ("Connection: Upgrade", "Upgrade: h2c", f"Transfer-Encoding: {coding}")
    with serve() as server:
        refused.clear()
        with server.open(
            "/app/", *lines, body=b"2\r\n{}\r\n0\r\n\r\n", method="POST"
        ) as connection:
            assert read_to_end(connection).startswith(b"HTTP/1.1 400 ")
        assert sum(refused.values()) == 1
        wait_until(lambda: not server.server.server_state.connections)
    assert [record for record in caplog.records if record.exc_info] == []


def test_uvicorn_writes_no_access_lines_even_if_its_logger_has_a_handler(
    server: Served, caplog: pytest.LogCaptureFixture
) -> None:
    logger = logging.getLogger("uvicorn.access")
    caplog.set_level(logging.INFO, logger.name)
    logger.addHandler(caplog.handler)
    try:
        assert server.get().status == 200
    finally:
        logger.removeHandler(caplog.handler)
    assert caplog.records == []
