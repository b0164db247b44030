"""PEP 3333 on a real socket: every way of answering, and every way of doing it wrong."""

import contextvars
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from wsgiref.validate import validator

import pytest
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.bridge.server import (
    TEXT,
    Body,
    Environ,
    File,
    ListBody,
    Served,
    StartResponse,
    WSGIApp,
    read_answer,
    read_to_end,
    read_until,
    sending,
    serve,
    wait_until,
)

REQUEST_ID: contextvars.ContextVar[str] = contextvars.ContextVar("request_id")


@pytest.fixture(scope="module")
def module_server() -> Iterator[Served]:
    with serve(threads=4, send_timeout=10) as served:
        yield served


@pytest.fixture
def server(module_server: Served) -> Iterator[Served]:
    """The server; each test must leave its threads free."""
    yield module_server
    wait_until(module_server.is_idle)


def answering(
    make: Callable[[], Iterable[bytes]], status: str = "200 OK", *headers: tuple[str, str]
) -> WSGIApp:
    """Return an application that starts its response and returns what ``make`` makes."""

    def app(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response(status, [*TEXT, *headers] if status[:3] not in ("204", "304") else [])
        return make()

    return app


def chunks(*values: bytes) -> Iterator[bytes]:
    yield from values


def starts_late(_environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    """Start in the generator's first step."""
    start_response("200 OK", [*TEXT])
    yield b"abc"


def writes(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    write = start_response("200 OK", [*TEXT])
    write(b"a")
    write(b"")
    write(b"b")
    return [b"c"]


def writes_only(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    write = start_response("200 OK", [*TEXT, ("Content-Length", "3")])
    write(b"abc")
    return []


def writes_and_wraps_a_file(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [*TEXT])(b"first ")
    wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](File(Path(__file__)))
    return wrapped


def echoes(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [*TEXT])
    return [environ["wsgi.input"].read(-1)]


GOOD: dict[str, tuple[WSGIApp, bytes]] = {
    "list": (answering(lambda: [b"a", b"", b"bc"]), b"abc"),
    "tuple": (answering(lambda: (b"ab", b"c")), b"abc"),
    "generator": (answering(lambda: chunks(b"a", b"b", b"c")), b"abc"),
    "iterator": (answering(lambda: Body([b"abc"])), b"abc"),
    "empty list": (answering(list), b""),
    "empty generator": (answering(chunks), b""),
    "empty chunks in a list": (answering(lambda: [b"", b""]), b""),
    "empty chunks in a generator": (answering(lambda: chunks(b"", b"a", b"", b"bc", b"")), b"abc"),
    "only empty chunks": (answering(lambda: chunks(b"", b"")), b""),
    "length and list": (answering(lambda: [b"abc"], "200 OK", ("Content-Length", "3")), b"abc"),
    "length and generator": (
        answering(lambda: chunks(b"ab", b"c"), "200 OK", ("Content-Length", "3")),
        b"abc",
    ),
    "late start": (starts_late, b"abc"),
    "write": (writes, b"abc"),
    "write only": (writes_only, b"abc"),
    "file": (sending(lambda: File(Path(__file__))), Path(__file__).read_bytes()),
    "write and file": (writes_and_wraps_a_file, b"first " + Path(__file__).read_bytes()),
    "a megabyte at once": (answering(lambda: [b"x" * 1_000_000]), b"x" * 1_000_000),
    "a megabyte in pieces": (
        answering(lambda: chunks(*[b"x" * 100_000] * 10)),
        b"x" * 1_000_000,
    ),
}


@pytest.mark.parametrize("wrap", [lambda app: app, validator], ids=["bare", "validated"])
@pytest.mark.parametrize("name", GOOD)
def test_every_kind_of_answer_arrives(
    server: Served, name: str, wrap: Callable[[WSGIApp], WSGIApp]
) -> None:
    app, body = GOOD[name]
    answer = server.run(wrap(app))
    assert (answer.status, answer.body, answer.complete) == (200, body, True)
    assert answer.header("Content-Type") == "text/plain"


@pytest.mark.parametrize("wrap", [lambda app: app, validator], ids=["bare", "validated"])
@pytest.mark.parametrize("name", GOOD)
def test_every_kind_of_answer_to_head_has_no_body(
    server: Served, name: str, wrap: Callable[[WSGIApp], WSGIApp]
) -> None:
    server.app = wrap(GOOD[name][0])
    with server.open(method="HEAD") as connection:
        first = read_answer(connection, "HEAD")
        # A body would be taken for the head of the second answer.
        connection.sendall(b"HEAD /app/ HTTP/1.1\r\nHost: test\r\n\r\n")
        second = read_answer(connection, "HEAD")
    for answer in (first, second):
        assert (answer.status, answer.body, answer.complete) == (200, b"", True)
        assert answer.header("Content-Type") == "text/plain"


@pytest.mark.parametrize("wrap", [lambda app: app, validator], ids=["bare", "validated"])
@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
@pytest.mark.parametrize("make", [list, chunks, lambda: [b"abc"], lambda: chunks(b"abc")])
def test_a_status_without_body_sends_none(
    server: Served,
    status: str,
    make: Callable[[], Iterable[bytes]],
    wrap: Callable[[WSGIApp], WSGIApp],
) -> None:
    server.app = wrap(answering(make, status))
    with server.open() as connection:
        first = read_answer(connection)
        connection.sendall(b"GET /app/ HTTP/1.1\r\nHost: test\r\n\r\n")
        second = read_answer(connection)
    for answer in (first, second):
        assert (answer.status, answer.body, answer.complete) == (int(status[:3]), b"", True)
        assert answer.header("Content-Length") is None


def test_a_304_may_name_the_length_of_what_it_does_not_send(server: Served) -> None:
    def app(_environ: Environ, start_response: StartResponse) -> list[bytes]:
        start_response("304 Not Modified", [("Content-Length", "5"), ("ETag", '"x"')])
        return []

    server.app = app
    with server.open() as connection:
        for _ in range(2):
            answer = read_answer(connection)
            assert (answer.status, answer.header("ETag")) == (304, '"x"')
            connection.sendall(b"GET /app/ HTTP/1.1\r\nHost: test\r\n\r\n")
        assert read_answer(connection).status == 304


@pytest.mark.parametrize(("make", "size"), [(list, 0), (lambda: [b"ab", b"c"], 3)])
def test_a_complete_answer_gets_a_content_length(
    server: Served, make: Callable[[], list[bytes]], size: int
) -> None:
    answer = server.run(answering(make))
    assert answer.header("Content-Length") == str(size)
    assert answer.header("Transfer-Encoding") is None


def test_an_answer_still_being_produced_is_chunked(server: Served) -> None:
    answer = server.run(answering(lambda: chunks(b"a", b"b")))
    assert answer.header("Content-Length") is None
    assert answer.header("Transfer-Encoding") == "chunked"


def test_a_request_body_reaches_a_validated_application(server: Served) -> None:
    answer = server.run(validator(echoes), "Content-Length: 3", method="POST", body=b"abc")
    assert (answer.status, answer.body) == (200, b"abc")


def test_header_values_are_latin_1_and_repeated_headers_stay_apart(server: Served) -> None:
    headers = [("X-Name", "Zo\xeb"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]
    server.app = answering(lambda: [b""], "200 OK", *headers)
    with server.open() as connection:
        received = connection.recv(65536)
    assert b"\r\nx-name: Zo\xeb\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n" in received


@pytest.mark.parametrize("status", ["200", "200 ", "299 Odd", "599 Unheard Of", "418 I'm a teapot"])
def test_unusual_statuses_are_passed_on(server: Served, status: str) -> None:
    assert server.run(answering(lambda: [b"x"], status)).status == int(status[:3])


# close()


@pytest.mark.parametrize("kind", [Body, ListBody])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_close_is_called_once(server: Served, kind: type[Body | ListBody], method: str) -> None:
    body = kind([b"abc"])
    assert server.run(answering(lambda: body), method=method).complete
    wait_until(server.is_idle)
    assert body.closed == 1


@pytest.mark.parametrize("kind", [Body, ListBody])
def test_close_is_called_once_when_start_response_was_not(
    server: Served, kind: type[Body | ListBody]
) -> None:
    body = kind([b"abc"])
    assert server.run(lambda _environ, _start_response: body).status == 500
    wait_until(server.is_idle)
    assert body.closed == 1


@pytest.mark.parametrize("text", ["", "rest"])
def test_a_file_is_closed_once(server: Served, tmp_path: Path, text: str) -> None:
    (tmp_path / "file").write_text(text)
    closed: list[str] = []
    answer = server.run(sending(lambda: File(tmp_path / "file", closed)))
    assert (answer.status, answer.body, answer.complete) == (200, text.encode(), True)
    wait_until(lambda: closed)
    wait_until(server.is_idle)
    # In a thread of the mount, never on the event loop.
    assert [name.startswith("wsgi-") for name in closed] == [True]


@pytest.mark.parametrize("error", [ValueError("close"), SystemExit(3)])
def test_an_error_in_the_close_of_a_file_costs_no_thread(
    server: Served, error: BaseException
) -> None:
    closed: list[str] = []
    for count in range(1, 9):  # more than there are threads
        assert server.run(sending(lambda: File(Path(__file__), closed, error))).complete
        wait_until(lambda count=count: len(closed) == count)  # type: ignore[misc]
    wait_until(server.is_idle)
    assert len(closed) == 8


@pytest.mark.parametrize("error", [ValueError("close"), SystemExit(3), KeyboardInterrupt()])
@pytest.mark.parametrize("length", [[], [("Content-Length", "3")]])
@pytest.mark.parametrize("kind", [Body, ListBody])
def test_an_error_in_close_is_a_500_or_cuts_the_connection(
    server: Served,
    kind: type[Body | ListBody],
    length: list[tuple[str, str]],
    error: BaseException,
) -> None:
    body = kind([b"abc"], error)
    answer = server.run(answering(lambda: body, "200 OK", *length))
    if answer.status == 200:
        # All bytes were on their way already; only a length makes them look complete.
        assert b"abc".startswith(answer.body)
        assert answer.complete == (answer.header("Content-Length") == str(len(answer.body)))
    else:
        assert (answer.status, answer.body) == (500, b"Internal Server Error")
    wait_until(server.is_idle)
    assert body.closed == 1


# Errors of the application


def raising(error: BaseException, *before: bytes) -> Iterator[bytes]:
    yield from before
    raise error


ERRORS = [ValueError("x"), SystemExit(3), KeyboardInterrupt(), StopIteration(), GeneratorExit()]


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_an_application_that_raises_is_a_500(server: Served, error: BaseException) -> None:
    def app(_environ: Environ, _start_response: StartResponse) -> Iterable[bytes]:
        raise error

    answer = server.run(app)
    assert (answer.status, answer.body) == (500, b"Internal Server Error")
    assert server.run(GOOD["list"][0]).status == 200


@pytest.mark.parametrize("error", ERRORS[:3], ids=repr)
@pytest.mark.parametrize("before", [[], [b""], [b"", b""]])
def test_an_error_before_the_first_bytes_is_a_500(
    server: Served, before: list[bytes], error: BaseException
) -> None:
    body = Body(raising(error, *before))
    answer = server.run(answering(lambda: body))
    assert (answer.status, answer.body) == (500, b"Internal Server Error")
    wait_until(server.is_idle)
    assert body.closed == 1


@pytest.mark.parametrize("error", ERRORS[:3], ids=repr)
@pytest.mark.parametrize("length", [[], [("Content-Length", "6")]])
def test_an_error_after_the_first_bytes_cuts_the_connection(
    server: Served, length: list[tuple[str, str]], error: BaseException
) -> None:
    arrived = threading.Event()

    def produce() -> Iterator[bytes]:
        yield b"abc"
        assert arrived.wait(20)
        raise error

    body = Body(produce())
    server.app = answering(lambda: body, "200 OK", *length)
    with server.open() as connection:
        received = read_until(connection, b"abc")
        arrived.set()
        received += read_to_end(connection)
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert received.endswith(b"abc" if length else b"3\r\nabc\r\n")
    wait_until(server.is_idle)
    assert body.closed == 1


@pytest.mark.parametrize("wrap", [lambda app: app, validator], ids=["bare", "validated"])
@pytest.mark.parametrize("kind", [Body, ListBody])
def test_exc_info_replaces_headers_that_were_not_sent(
    server: Served, kind: type[Body | ListBody], wrap: Callable[[WSGIApp], WSGIApp]
) -> None:
    body = kind([b"sorry"])

    def app(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        write = start_response("200 OK", [*TEXT, ("X-Old", "1"), ("Content-Length", "99")])
        write(b"")
        try:
            raise ValueError("in between")
        except ValueError:
            start_response("503 Service Unavailable", [*TEXT, ("X-New", "1")], sys.exc_info())
        return body

    answer = server.run(wrap(app))
    assert (answer.status, answer.body, answer.complete) == (503, b"sorry", True)
    assert (answer.header("X-Old"), answer.header("X-New")) == (None, "1")
    wait_until(server.is_idle)
    assert body.closed == 1


@pytest.mark.parametrize("wrap", [lambda app: app, validator], ids=["bare", "validated"])
def test_exc_info_after_the_first_bytes_is_raised_again(
    server: Served, wrap: Callable[[WSGIApp], WSGIApp]
) -> None:
    arrived = threading.Event()
    caught: list[BaseException] = []

    def app(_environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", [*TEXT])
        yield b"abc"
        assert arrived.wait(20)
        error = ValueError("too late")
        try:
            raise error
        except ValueError:
            try:
                start_response("500 Internal Server Error", [*TEXT], sys.exc_info())
            except ValueError as again:
                caught.append(again)
                raise

    server.app = wrap(app)
    with server.open() as connection:
        received = read_until(connection, b"abc")
        arrived.set()
        received += read_to_end(connection)
    assert received.endswith(b"3\r\nabc\r\n")
    assert [str(error) for error in caught] == ["too late"]


# Applications that break the rules


def starting(status: object, headers: object) -> WSGIApp:
    def app(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response(status, headers)
        return [b"abc"]

    return app


def starts_twice(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [*TEXT])
    start_response("404 Not Found", [*TEXT])
    return [b"abc"]


# Where mypy is told to look away, it would find the very mistakes that these are made of.
RULE_BREAKERS: dict[str, WSGIApp] = {
    "no start_response, list": lambda _environ, _start: [b"abc"],
    "no start_response, empty list": lambda _environ, _start: [],
    "no start_response, generator": lambda _environ, _start: chunks(b"abc"),
    "no start_response, empty generator": lambda _environ, _start: chunks(),
    "two start_responses": starts_twice,
    "returns nothing": lambda _environ, start: start("200 OK", [*TEXT]) and None,  # type: ignore
    "returns a string": lambda _environ, start: start("200 OK", [*TEXT]) and "abc",  # type: ignore
    "returns bytes": lambda _environ, start: start("200 OK", [*TEXT]) and b"abc",  # type: ignore
    "strings in a list": answering(lambda: ["abc"]),  # type: ignore[list-item]
    "strings in a generator": answering(lambda: (text for text in ["abc"])),  # type: ignore
    "too few bytes, list": answering(lambda: [b"abc"], "200 OK", ("Content-Length", "4")),
    "too many bytes, list": answering(lambda: [b"abc"], "200 OK", ("Content-Length", "2")),
    "too many bytes, generator": answering(
        lambda: chunks(b"abc"), "200 OK", ("Content-Length", "2")
    ),
    "no bytes, generator": answering(chunks, "200 OK", ("Content-Length", "4")),
    **{
        f"status {status!r}": starting(status, [*TEXT])
        for status in (
            "",
            "OK",
            "20",
            "2000 OK",
            "99 X",
            "100 Continue",
            "600 X",
            "-20 X",
            200,
            b"200 OK",
        )
    },
    **{
        f"header {name!r}: {value!r}": starting("200 OK", [(name, value)])
        for name, value in [
            ("Connection", "close"),
            ("Transfer-Encoding", "chunked"),
            ("Upgrade", "h2c"),
            ("Keep-Alive", "timeout=5"),
            ("X-Split", "a\r\nSet-Cookie: evil=1"),
            ("X-Split", "a\nb"),
            ("X-Nul", "a\x00b"),
            ("X-Control", "a\x0bb"),
            ("X-Delete", "a\x7fb"),
            ("X-Split\r\nX-Other", "a"),
            ("X Space", "a"),
            ("X:Colon", "a"),
            ("", "a"),
            ("X-\xeb", "a"),
            ("X-Wide", "\u20ac"),
            ("Content-Length", "three"),
            ("Content-Length", "-3"),
            ("Content-Length", ""),
            ("Content-Length", "3, 3"),
            ("X-Number", 3),
            (b"X-Bytes", "a"),
            ("X-Bytes", b"a"),
        ]
    },
    "two lengths": starting("200 OK", [("Content-Length", "3"), ("Content-Length", "3")]),
    "headers of one": starting("200 OK", [("X-Lonely",)]),
    "no headers": starting("200 OK", None),
}


@pytest.mark.parametrize("name", RULE_BREAKERS)
def test_an_application_that_breaks_a_rule_is_a_500(server: Served, name: str) -> None:
    answer = server.run(RULE_BREAKERS[name])
    assert (answer.status, answer.body) == (500, b"Internal Server Error")
    assert answer.header("Set-Cookie") is None


@pytest.mark.parametrize("produced", [[b"abc"], [b"abc", b""], [b"a", b"bc"]])
def test_too_few_bytes_from_a_generator_cut_the_connection(
    server: Served, produced: list[bytes]
) -> None:
    body = Body(produced)
    answer = server.run(answering(lambda: body, "200 OK", ("Content-Length", "4")))
    # A 500 when the whole was known to be too short before anything was sent.
    assert answer.status in (200, 500)
    if answer.status == 200:
        assert b"abc".startswith(answer.body)
        assert not answer.complete
    wait_until(server.is_idle)
    assert body.closed == 1


def test_too_many_bytes_after_the_first_cut_the_connection(server: Served) -> None:
    arrived = threading.Event()

    def produce() -> Iterator[bytes]:
        yield b"abc"
        assert arrived.wait(20)
        yield b"def"

    body = Body(produce())
    server.app = answering(lambda: body, "200 OK", ("Content-Length", "4"))
    with server.open() as connection:
        received = read_until(connection, b"abc")
        arrived.set()
        received += read_to_end(connection)
    assert received.endswith(b"\r\n\r\nabc")
    wait_until(server.is_idle)
    assert body.closed == 1


def test_a_file_shorter_than_its_length_cuts_the_connection(server: Served) -> None:
    size = Path(__file__).stat().st_size

    length = ("Content-Length", str(size + 1))
    answer = server.run(sending(lambda: File(Path(__file__)), length))
    assert (answer.status, answer.complete) == (200, False)
    assert answer.body == Path(__file__).read_bytes()


def test_a_file_is_sent_from_where_it_is_up_to_its_length(server: Served) -> None:
    file = File(Path(__file__))
    file.file.seek(3)
    answer = server.run(sending(lambda: file, ("Content-Length", "4")))
    assert (answer.status, answer.body, answer.complete) == (200, b"PEP ", True)


def test_rule_breakers_leave_every_thread_free(server: Served) -> None:
    for app in RULE_BREAKERS.values():
        assert server.run(app).status == 500
    wait_until(server.is_idle)
    assert server.run(GOOD["generator"][0]).body == b"abc"
    assert server.gauges().abandoned == 0


# The way between the loop and the threads


class RequestId:
    """An ASGI middleware that sets a context variable, as those for tracing and logging do."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            REQUEST_ID.set(dict(scope["headers"]).get(b"x-request-id", b"-").decode())
        await self.app(scope, receive, send)


def test_context_variables_reach_the_application_and_its_close() -> None:
    closed: list[str] = []

    class Tracing(Body):
        def close(self) -> None:
            closed.append(REQUEST_ID.get())

    def app(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [*TEXT])
        return Tracing(REQUEST_ID.get().encode() for _ in range(2))

    with serve(app, middleware=[Middleware(RequestId)], threads=1) as server:
        assert server.get("/app/", "X-Request-Id: one").body == b"oneone"
        assert server.get("/app/", "X-Request-Id: two").body == b"twotwo"
        wait_until(lambda: len(closed) == 2)
    assert closed == ["one", "two"]


@pytest.mark.parametrize("way", ["yield", "write"])
def test_a_chunk_is_sent_when_it_is_produced(server: Served, way: str) -> None:
    read = [threading.Event() for _ in range(3)]

    def produce() -> Iterator[bytes]:
        for number, event in enumerate(read):
            yield b"chunk %d" % number
            assert event.wait(20)

    def app(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        write = start_response("200 OK", [*TEXT])
        if way == "yield":
            return produce()
        for chunk in produce():
            write(chunk)
        return []

    server.app = app
    with server.open() as connection:
        received = b""
        for number, event in enumerate(read):
            received += read_until(connection, b"chunk %d" % number)
            event.set()
        received += read_until(connection, b"0\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")


def test_the_head_waits_for_the_first_bytes(server: Served) -> None:
    started, go_on = threading.Event(), threading.Event()

    def app(_environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", [*TEXT])
        yield b""
        started.set()
        assert go_on.wait(20)
        try:
            raise ValueError("just in time")
        except ValueError:
            start_response("502 Bad Gateway", [*TEXT], sys.exc_info())
        yield b"sorry"

    server.app = app
    with server.open() as connection:
        assert started.wait(20)
        go_on.set()
        answer = read_answer(connection)
    assert (answer.status, answer.body) == (502, b"sorry")


def test_several_requests_on_one_connection(server: Served) -> None:
    server.app = validator(echoes)
    with server.connect() as connection:
        for size in (0, 1, 70_000, 3):
            body = b"y" * size
            head = f"POST /app/ HTTP/1.1\r\nHost: test\r\nContent-Length: {size}\r\n\r\n"
            connection.sendall(head.encode() + body)
            assert read_answer(connection).body == body


def test_pipelined_requests_are_answered_in_order(server: Served) -> None:
    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [*TEXT])
        return [environ["PATH_INFO"].encode()]

    server.app = app
    with server.connect() as connection:
        heads = [f"GET /app/{n} HTTP/1.1\r\nHost: test\r\n\r\n".encode() for n in range(9)]
        connection.sendall(b"".join(heads))
        received = read_until(connection, b"\r\n\r\n/8")
    assert [received.index(b"\r\n\r\n/%d" % n) for n in range(9)] == sorted(
        received.index(b"\r\n\r\n/%d" % n) for n in range(9)
    )
