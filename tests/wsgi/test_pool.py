"""A mount's threads and queue, under more load than they can take."""

import asyncio
import gc
import http.client
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from framework_gateway.wsgi.exchange import Exchange
from framework_gateway.wsgi.threads import Gauges
from tests.wsgi.clients import head, read_answer
from tests.wsgi.responses import TEXT, Environ, StartResponse, hello
from tests.wsgi.server import PATIENCE, Served, serve, wait_until


class Stuck:
    """An application that holds its requests until the test releases them, except ``/quick``."""

    def __init__(self) -> None:
        self.free = threading.Event()
        self.paths: list[str] = []

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        self.paths.append(environ["PATH_INFO"])
        if environ["PATH_INFO"] != "/quick":
            assert self.free.wait(20)
        start_response("200 OK", [*TEXT])
        return [b"done"]


@contextmanager
def waiting(server: Served, app: Stuck, count: int, path: str = "/app/") -> Iterator[None]:
    """Keep requests waiting in the application or its queue; let them finish at the end."""
    with ExitStack() as stack:
        connections = [stack.enter_context(server.open(path)) for _ in range(count)]
        yield
        app.free.set()
        for connection in connections:
            assert read_answer(connection).body == b"done"
    wait_until(server.is_idle)


def test_threads_start_on_demand_up_to_the_limit() -> None:
    app = Stuck()
    with serve(app, threads=3) as server:
        assert server.gauges() == Gauges()
        for _ in range(20):
            assert server.get("/app/quick").status == 200
            wait_until(server.is_idle)
        # Sequential requests need only one thread.
        assert server.gauges().threads == 1
        with waiting(server, app, 8):
            wait_until(lambda: server.gauges() == Gauges(threads=3, busy=3, queued=5))
            wait_until(lambda: len(app.paths) == 20 + 3)
        assert server.gauges() == Gauges(threads=3)


def test_idle_threads_do_not_poll_for_work() -> None:
    app = Stuck()
    with serve(app, threads=64) as server:
        with waiting(server, app, 64):
            wait_until(lambda: server.gauges().busy == 64)
        start = time.thread_time(), time.process_time()
        threading.Event().wait(0.3)  # the cost of idle threads only shows over time
        # The server's own loop wakes up ten times a second.
        assert time.process_time() - start[1] < 0.1
        assert server.gauges().threads == 64


def test_requests_beyond_the_queue_are_shed() -> None:
    app = Stuck()
    with serve(app, threads=2, queue_size=3) as server, waiting(server, app, 5):
        wait_until(lambda: server.gauges() == Gauges(threads=2, busy=2, queued=3))
        for count in range(1, 4):
            answer = server.get()
            assert (answer.status, answer.header("Retry-After")) == (503, "1")
            assert server.gauges() == Gauges(threads=2, busy=2, queued=3, shed=count)
    assert len(app.paths) == 5


def test_without_a_queue_requests_without_a_thread_are_shed() -> None:
    app = Stuck()
    with serve(app, threads=1, queue_size=0) as server, waiting(server, app, 1):
        wait_until(lambda: app.paths)
        assert server.get().status == 503


def test_requests_that_wait_too_long_in_the_queue_are_shed() -> None:
    app = Stuck()
    with serve(app, threads=1, queue_timeout=0.3) as server, waiting(server, app, 1):
        wait_until(lambda: app.paths)
        answer = server.get()
        assert (answer.status, answer.header("Retry-After")) == (503, "1")
        # A request that a thread works on may take any time.
        assert server.gauges() == Gauges(threads=1, busy=1, shed=1)
    assert len(app.paths) == 1


def test_shed_requests_leave_nothing_in_the_queue_of_a_stuck_application() -> None:
    app = Stuck()
    before = count_exchanges()  # of other tests; errors may still refer to them
    with serve(app, threads=1, queue_timeout=0.1) as server, waiting(server, app, 1):
        wait_until(lambda: app.paths)
        with ExitStack() as stack:
            shed = [stack.enter_context(server.open()) for _ in range(30)]
            assert {read_answer(connection).status for connection in shed} == {503}
        # While the only thread, which could have taken them from the queue, is stuck.
        wait_until(lambda: count_exchanges() <= before + 1)


def count_exchanges() -> int:
    gc.collect()
    return sum(type(thing) is Exchange for thing in gc.get_objects())


def test_a_thousand_requests_at_once_are_served() -> None:
    app = Stuck()

    async def ask(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head("/app/", "Connection: close"))
        answer = await reader.read()
        writer.close()
        return answer

    async def ask_all(server: Served) -> list[bytes]:
        async with asyncio.timeout(60):
            tasks = [asyncio.create_task(ask(server.port)) for _ in range(1000)]
            while server.gauges() != Gauges(threads=16, busy=16, queued=1000 - 16):
                await asyncio.sleep(0.01)
            app.free.set()
            return await asyncio.gather(*tasks)

    with serve(app, threads=16, queue_timeout=60) as server:
        answers = asyncio.run(ask_all(server))
        wait_until(server.is_idle)
        assert server.gauges() == Gauges(threads=16)
    assert len(answers) == len(app.paths) == 1000
    assert {(answer[:15], answer[-8:]) for answer in answers} == {
        (b"HTTP/1.1 200 OK", b"\r\n\r\ndone")
    }


def test_requests_that_call_their_own_mount_end() -> None:
    ports: list[int] = []

    def app(environ: Environ, start_response: StartResponse) -> list[bytes]:
        status = 200
        if environ["PATH_INFO"] == "/outer":
            connection = http.client.HTTPConnection("127.0.0.1", ports[0], timeout=3 * PATIENCE)
            connection.request("GET", "/app/inner")
            status = connection.getresponse().status
            connection.close()
        start_response("200 OK", [*TEXT])
        return [b"%d" % status]

    with serve(app, threads=10, queue_timeout=0.5) as server, ExitStack() as stack:
        ports.append(server.port)
        connections = [stack.enter_context(server.open("/app/outer")) for _ in range(10)]
        answers = [read_answer(connection) for connection in connections]
        assert {answer.status for answer in answers} <= {200, 503}
        assert {answer.body for answer in answers if answer.status == 200} <= {b"200", b"503"}
        wait_until(server.is_idle)
        assert server.get("/app/outer").body == b"200"


def test_stuck_requests_do_not_slow_another_mount() -> None:
    app = Stuck()
    with serve(app, others={"/other": hello}, threads=10) as server, waiting(server, app, 30):
        wait_until(lambda: server.gauges().queued == 20)
        times = []
        for _ in range(20):
            start = time.monotonic()
            assert server.get("/other/").body == b"hello"
            times.append(time.monotonic() - start)
        # The median, because the machine may be busy with something else for a moment.
        assert sorted(times)[10] < 0.5
        assert server.gauges("/other") == Gauges(threads=1)


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_no_request_in_a_burst_is_forgotten(threads: int) -> None:
    """Short requests in bursts: where a wake-up is saved, none may be missing."""

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        number = int(environ["PATH_INFO"].strip("/"))
        start_response("200 OK", [*TEXT])
        if number % 3 == 0:
            return [b"%d" % number]
        return (b"%d" % digit for digit in map(int, str(number)))

    async def ask(port: int, numbers: Iterable[int]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in numbers:
            writer.write(head(f"/app/{number}"))
            received = b""
            while not received.endswith((b"\r\n\r\n%d" % number, b"\r\n0\r\n\r\n")):
                data = await reader.read(65536)
                assert data, received
                received += data
        writer.close()

    async def ask_all(port: int) -> None:
        async with asyncio.timeout(60):
            await asyncio.gather(*(ask(port, range(n, n + 60)) for n in range(100, 120)))

    with serve(app, threads=threads) as server:
        asyncio.run(ask_all(server.port))
        wait_until(server.is_idle)
        gauges = server.gauges()
        assert gauges == Gauges(threads=gauges.threads)
        assert 1 <= gauges.threads <= threads
