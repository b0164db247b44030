"""Any application, correct or not, and any client: the client receives what was produced."""

import itertools
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.wsgi.clients import head, leave
from tests.wsgi.responses import TEXT, Body, Environ, ListBody, StartResponse, hello
from tests.wsgi.server import Served, serve, wait_until

Kind = Literal["list", "tuple", "generator", "iterator"]


@dataclass
class Plan:
    """The behaviour of an application.

    Attributes:
        written: sizes of the chunks that it first passes to ``write()``.
        returned: sizes of the chunks that it returns.
        length: the error in its Content-Length; None if it sends none.
        error_at: the chunk before which it fails; None if it does not.
        fails_in_close: whether ``close()`` also raises.
    """

    kind: Kind
    written: list[int]
    returned: list[int]
    length: int | None
    error_at: int | None
    fails_in_close: bool

    @property
    def sizes(self) -> list[int]:
        return [*self.written, *self.returned]

    @property
    def whole(self) -> bytes:
        return b"".join(chunk_of(number, size) for number, size in enumerate(self.sizes))

    @property
    def is_correct(self) -> bool:
        """Whether the application makes no mistake."""
        fails = self.error_at is not None and self.error_at <= len(self.sizes)
        # Otherwise, an error in close() does not change the response.
        fails = fails or (self.fails_in_close and self.kind == "generator")
        return not fails and self.length in (None, 0)


class Application:
    """Runs a plan; each generator, list and iterator counts its ``close()`` calls."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.bodies: list[Body | ListBody] = []
        self.gate = threading.Event()
        self.numbers = itertools.count()
        self.ended = threading.Event()

    def __call__(self, _environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        headers = [*TEXT]
        if self.plan.length is not None:
            headers.append(("Content-Length", str(len(self.plan.whole) + self.plan.length)))
        write = start_response("200 OK", headers)
        for chunk in self.produce(self.plan.written):
            write(chunk)
        error = ValueError("in close()") if self.plan.fails_in_close else None
        chunks = self.produce(self.plan.returned, last=True)
        if self.plan.kind == "tuple":
            return tuple(chunks)
        body = ListBody(chunks, error) if self.plan.kind == "list" else Body(chunks, error)
        self.bodies.append(body)
        return body if self.plan.kind != "generator" else self.generate(body)

    def generate(self, body: Body | ListBody) -> Iterator[bytes]:
        try:
            # Not "yield from", which would call close() itself.
            for chunk in body:  # noqa: UP028
                yield chunk
        finally:
            body.close()

    def produce(self, sizes: list[int], *, last: bool = False) -> Iterator[bytes]:
        for size in sizes:
            number = next(self.numbers)
            if number == self.plan.error_at:
                raise ValueError("planned")
            yield chunk_of(number, size)
        if last and self.plan.error_at == next(self.numbers):
            raise ValueError("planned, at the end")

    def check_closed(self) -> None:
        """Check that ``close()`` ran once; a generator that has not started needs none."""
        closed = [body.closed for body in self.bodies]
        assert closed in ([], [1]) or (self.plan.kind == "generator" and closed == [0])


def chunk_of(number: int, size: int) -> bytes:
    """Return a chunk that differs from all others."""
    return (b"%d." % number * (size // 2 + 1))[:size]


sizes = st.lists(
    st.sampled_from([0, 1, 10, 4096, 65_535, 65_536, 65_537, 200_000]) | st.integers(0, 200_000),
    max_size=5,
)
plans = st.builds(
    Plan,
    kind=st.sampled_from(["list", "tuple", "generator", "iterator"]),
    written=st.just([]) | sizes,
    returned=sizes,
    length=st.none() | st.just(0) | st.sampled_from([0, 0, 1, 5000, -1]),
    error_at=st.none() | st.none() | st.integers(0, 8),
    fails_in_close=st.sampled_from([False, False, False, True]),
)
some = settings(
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with serve(threads=2) as served:
        yield served


def correct(plan: Plan) -> Plan:
    """Exclude plans with a negative Content-Length."""
    if plan.length is not None and len(plan.whole) + plan.length < 0:
        plan.length = 0
    return plan


@settings(some, max_examples=250)
@given(plan=plans.map(correct), method=st.sampled_from(["GET", "GET", "GET", "HEAD"]))
def test_the_client_receives_what_was_produced(server: Served, plan: Plan, method: str) -> None:
    application = Application(plan)
    answer = server.run(application, method=method)
    wait_until(server.is_idle)
    application.check_closed()
    if plan.is_correct:
        assert (answer.status, answer.complete) == (200, True)
        assert answer.body == (plan.whole if method == "GET" else b"")
    elif answer.status == 500:
        assert answer.body == (b"Internal Server Error" if method == "GET" else b"")
    elif method == "GET":
        assert answer.status == 200
        length = len(plan.whole) + (plan.length or 0)
        assert plan.whole.startswith(answer.body)
        # Only as many bytes as announced can look complete; then the failure came later.
        assert answer.complete == (plan.length is not None and len(answer.body) == length)


@pytest.mark.slow
@settings(some, max_examples=50)
@given(
    plan=plans.map(correct),
    read=st.sampled_from([0, 0, 1, 100, 70_000, 300_000]),
    rudely=st.booleans(),
    count=st.integers(1, 4),
)
def test_a_client_that_leaves_has_received_a_prefix(
    server: Served, plan: Plan, read: int, rudely: bool, count: int
) -> None:
    applications = [Application(plan) for _ in range(count)]
    turns = iter(applications)
    lock = threading.Lock()

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/next":
            return hello(environ, start_response)
        with lock:
            application = next(turns)
        return application(environ, start_response)

    server.app = app
    # A small buffer makes applications wait, but reading from it is slow.
    connections = [server.connect(4096 if index else None) for index in range(count)]
    for connection in connections:
        connection.sendall(head("/app/"))
    received = b""
    while len(received) < read and (data := receive(connections[0])):
        received += data
    for connection in connections:
        leave(connection) if rudely else connection.close()
    # Whatever happened, the next client is served, after those before it.
    assert server.get("/app/next").body == b"hello"
    wait_until(lambda: not server.server.server_state.tasks)
    wait_until(server.is_idle)
    for application in applications:
        application.check_closed()
    if plan.length is not None and received.startswith(b"HTTP/1.1 200 "):
        assert plan.whole.startswith(received.partition(b"\r\n\r\n")[2])


def receive(connection: object) -> bytes:
    try:
        data: bytes = connection.recv(16_384)  # type: ignore[attr-defined]
    except ConnectionError:
        return b""
    return data
