"""Applications that fail or violate PEP 3333, on a real socket."""

import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from wsgiref.validate import validator

import pytest

from tests.wsgi.answers import answering, chunks
from tests.wsgi.clients import read_to_end, read_until
from tests.wsgi.responses import (
    TEXT,
    Body,
    Environ,
    File,
    ListBody,
    StartResponse,
    WSGIApp,
    sending,
)
from tests.wsgi.server import Served, serve, wait_until


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
    assert server.run(answering(lambda: [b"abc"])).status == 200


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


# Applications that violate the rules


def starting(status: object, headers: object) -> WSGIApp:
    def app(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response(status, headers)
        return [b"abc"]

    return app


def starts_twice(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [*TEXT])
    start_response("404 Not Found", [*TEXT])
    return [b"abc"]


RULE_BREAKERS: dict[str, WSGIApp] = {
    "no start_response, list": lambda _environ, _start: [b"abc"],
    "no start_response, empty list": lambda _environ, _start: [],
    "no start_response, generator": lambda _environ, _start: chunks(b"abc"),
    "no start_response, empty generator": lambda _environ, _start: chunks(),
    "two start_responses": starts_twice,
    # mypy finds these mistakes itself. Here: None is not a body.
    "returns nothing": lambda _environ, start: start("200 OK", [*TEXT]) and None,  # type: ignore
    # Here: a string is not an iterable of bytes.
    "returns a string": lambda _environ, start: start("200 OK", [*TEXT]) and "abc",  # type: ignore
    # Here: bytes are an iterable of numbers.
    "returns bytes": lambda _environ, start: start("200 OK", [*TEXT]) and b"abc",  # type: ignore
    # Here: strings are not bytes.
    "strings in a list": answering(lambda: ["abc"]),  # type: ignore[list-item]
    # The same from a generator.
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
def test_an_application_that_violates_a_rule_gets_a_500(server: Served, name: str) -> None:
    answer = server.run(RULE_BREAKERS[name])
    assert (answer.status, answer.body) == (500, b"Internal Server Error")
    assert answer.header("Set-Cookie") is None


HOP_BY_HOP = [
    *(("Connection", "close"), ("connection", "keep-alive"), ("Keep-Alive", "timeout=5")),
    *(("Transfer-Encoding", "chunked"), ("Upgrade", "h2c"), ("TE", "trailers")),
]


@pytest.mark.parametrize(("name", "value"), HOP_BY_HOP)
def test_a_hop_by_hop_header_is_dropped(server: Served, name: str, value: str) -> None:
    answer = server.run(starting("200 OK", [*TEXT, (name, value)]))
    assert (answer.status, answer.body, answer.complete) == (200, b"abc", True)
    assert answer.header(name) is None
    assert answer.header("Content-Type") == "text/plain"


def test_a_dropped_header_is_logged_once_per_application(
    caplog: pytest.LogCaptureFixture,
) -> None:
    one, other = (starting("200 OK", [("Connection", "keep-alive")]) for _ in range(2))
    with serve(one, others={"/other": other}) as server:
        for path in ("/app/", "/app/again", "/other/"):
            assert server.get(path).status == 200
    logged = [record.getMessage() for record in caplog.records if "dropped" in record.getMessage()]
    assert [message.split()[1] for message in logged] == ["/app/", "/other/"]
    assert all("connection" in message for message in logged)


@pytest.mark.parametrize("produced", [[b"abc"], [b"abc", b""], [b"a", b"bc"]])
def test_too_few_bytes_from_a_generator_cut_the_response_off(
    server: Served, produced: list[bytes]
) -> None:
    body = Body(produced)
    answer = server.run(answering(lambda: body, "200 OK", ("Content-Length", "4")))
    # A 500 if the whole was known to be too short before anything was sent.
    assert answer.status in (200, 500)
    if answer.status == 200:
        assert b"abc".startswith(answer.body)
        assert not answer.complete
    wait_until(server.is_idle)
    assert body.closed == 1


def test_too_many_bytes_cut_the_response_off(server: Served) -> None:
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


def test_a_file_shorter_than_its_content_length_cuts_the_response_off(server: Served) -> None:
    size = Path(__file__).stat().st_size

    length = ("Content-Length", str(size + 1))
    answer = server.run(sending(lambda: File(Path(__file__)), length))
    assert (answer.status, answer.complete) == (200, False)
    assert answer.body == Path(__file__).read_bytes()


def test_applications_that_violate_rules_leave_every_thread_free(server: Served) -> None:
    for app in RULE_BREAKERS.values():
        assert server.run(app).status == 500
    wait_until(server.is_idle)
    assert server.run(answering(lambda: chunks(b"a", b"b", b"c"))).body == b"abc"
    assert server.gauges().abandoned == 0
