"""PEP 3333 on a real socket: every kind of response, each with one close()."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from wsgiref.validate import validator

import pytest

from tests.wsgi.answers import answering, chunks, echoes
from tests.wsgi.clients import read_answer
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
from tests.wsgi.server import Served, wait_until


def starts_late(_environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    """Call start_response in the generator's first step."""
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
def test_every_kind_of_response_arrives(
    server: Served, name: str, wrap: Callable[[WSGIApp], WSGIApp]
) -> None:
    app, body = GOOD[name]
    answer = server.run(wrap(app))
    assert (answer.status, answer.body, answer.complete) == (200, body, True)
    assert answer.header("Content-Type") == "text/plain"


@pytest.mark.parametrize("wrap", [lambda app: app, validator], ids=["bare", "validated"])
@pytest.mark.parametrize("name", GOOD)
def test_no_response_to_head_has_a_body(
    server: Served, name: str, wrap: Callable[[WSGIApp], WSGIApp]
) -> None:
    server.app = wrap(GOOD[name][0])
    with server.open(method="HEAD") as connection:
        first = read_answer(connection, "HEAD")
        # The client would read a body as the head of the second response.
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


def test_a_304_can_have_a_content_length_without_a_body(server: Served) -> None:
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
def test_a_complete_response_gets_a_content_length(
    server: Served, make: Callable[[], list[bytes]], size: int
) -> None:
    answer = server.run(answering(make))
    assert answer.header("Content-Length") == str(size)
    assert answer.header("Transfer-Encoding") is None


def test_a_response_that_is_still_being_produced_is_chunked(server: Served) -> None:
    answer = server.run(answering(lambda: chunks(b"a", b"b")))
    assert answer.header("Content-Length") is None
    assert answer.header("Transfer-Encoding") == "chunked"


def test_a_request_body_reaches_a_validated_application(server: Served) -> None:
    answer = server.run(validator(echoes), "Content-Length: 3", method="POST", body=b"abc")
    assert (answer.status, answer.body) == (200, b"abc")


def test_header_values_are_latin_1_and_repeated_headers_stay_separate(server: Served) -> None:
    headers = [("X-Name", "Zo\xeb"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]
    server.app = answering(lambda: [b""], "200 OK", *headers)
    with server.open() as connection:
        received = connection.recv(65536)
    assert b"\r\nx-name: Zo\xeb\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n" in received


@pytest.mark.parametrize("status", ["200", "200 ", "299 Odd", "599 Unheard Of", "418 I'm a teapot"])
def test_unusual_statuses_are_sent(server: Served, status: str) -> None:
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
def test_close_is_called_once_without_a_call_of_start_response(
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
def test_an_error_in_the_close_of_a_file_loses_no_thread(
    server: Served, error: BaseException
) -> None:
    closed: list[str] = []
    for count in range(1, 9):  # more than the number of threads
        assert server.run(sending(lambda: File(Path(__file__), closed, error))).complete
        wait_until(lambda count=count: len(closed) == count)  # type: ignore[misc]
    wait_until(server.is_idle)
    assert len(closed) == 8


@pytest.mark.parametrize("error", [ValueError("close"), SystemExit(3), KeyboardInterrupt()])
@pytest.mark.parametrize("length", [[], [("Content-Length", "3")]])
@pytest.mark.parametrize("kind", [Body, ListBody])
def test_an_error_in_close_does_not_change_the_response(
    server: Served,
    kind: type[Body | ListBody],
    length: list[tuple[str, str]],
    error: BaseException,
    caplog: pytest.LogCaptureFixture,
) -> None:
    body = kind([b"abc"], error)
    answer = server.run(answering(lambda: body, "200 OK", *length))
    assert (answer.status, answer.body, answer.complete) == (200, b"abc", True)
    wait_until(server.is_idle)
    assert body.closed == 1
    [record] = [record for record in caplog.records if record.exc_info]
    assert record.getMessage() == "GET /app/: close() failed"
    assert record.exc_info is not None
    assert record.exc_info[1] is error


def test_an_error_after_the_last_announced_byte_does_not_change_the_response(
    server: Served, caplog: pytest.LogCaptureFixture
) -> None:
    def produce() -> Iterator[bytes]:
        yield b"abc"
        raise ValueError("too late")

    for _ in range(20):  # either the thread or the event loop may be first
        answer = server.run(answering(produce, "200 OK", ("Content-Length", "3")))
        assert (answer.status, answer.body, answer.complete) == (200, b"abc", True)
    wait_until(server.is_idle)
    assert [record.exc_info is not None for record in caplog.records] == [True] * 20


def test_a_file_is_sent_from_its_position_up_to_the_content_length(server: Served) -> None:
    file = File(Path(__file__))
    file.file.seek(3)
    answer = server.run(sending(lambda: file, ("Content-Length", "4")))
    assert (answer.status, answer.body, answer.complete) == (200, b"PEP ", True)
