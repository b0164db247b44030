"""Several addresses, the queue, failures, and what is sent again."""

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from framework_gateway import Mount
from framework_gateway.proxy import peers
from tests.databases import free_port
from tests.gateways import total
from tests.proxy.servers import OK, Request, Running, gateway, proxied, scripted
from tests.wsgi.clients import Answer, read_answer
from tests.wsgi.server import PATIENCE, wait_until

BODY = b"{}"
LENGTH = "Content-Length: 2"


def test_requests_go_to_the_address_with_the_fewest_open_ones() -> None:
    go_on = threading.Event()

    def slow(_connection: socket.socket, _request: Request) -> bytes:
        go_on.wait(PATIENCE)
        return OK

    with scripted(slow) as busy, scripted() as quick, ExitStack() as stack:
        running = stack.enter_context(gateway([Mount("/old", [busy.address, quick.address])]))
        held = stack.enter_context(running.open("/old/"))
        wait_until(lambda: busy.requests)
        for _ in range(6):
            assert running.get("/old/").body == b"ok"
        assert (len(busy.requests), len(quick.requests)) == (1, 6)
        go_on.set()
        assert read_answer(held).body == b"ok"


def test_idle_addresses_take_turns() -> None:
    with scripted() as one, scripted() as two:
        addresses = f"{one.address},{two.address}"
        with gateway([Mount("/old", addresses)]) as running:
            for _ in range(6):
                running.get("/old/")
        assert [len(one.requests), len(two.requests)] == [3, 3]


def test_an_address_that_refuses_rests_and_the_others_serve() -> None:
    down = f"http://127.0.0.1:{free_port()}"
    with scripted() as up, gateway([Mount("/old", [down, up.address])]) as running:
        for _ in range(10):
            assert running.get("/old/", LENGTH, method="POST", body=BODY).status == 200
        assert running.upstream().fault is None
        failed, _ = sorted(running.upstream().peers, key=lambda peer: -peer.failures)
        assert (failed.address.text, failed.failures) == (down, 1)


def test_an_address_that_works_again_is_found_without_a_request() -> None:
    port = free_port()
    with gateway([Mount("/old", f"http://127.0.0.1:{port}")]) as running:
        assert running.get("/old/").status == 502
        ready = running.get("/health/ready")
        assert ready.status == 503
        assert b"no upstream server answers" in ready.body
        with socket.create_server(("127.0.0.1", port)):
            wait_until(lambda: running.get("/health/ready").status == 200)


def test_a_failure_is_logged_when_it_begins_and_ends(caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    caplog.set_level(logging.INFO, "framework_gateway")
    with gateway([Mount("/old", f"http://127.0.0.1:{port}")]) as running:
        for _ in range(3):
            running.get("/old/")
        with socket.create_server(("127.0.0.1", port)):
            wait_until(lambda: "answers again" in caplog.text)
    assert caplog.text.count(f"The upstream server http://127.0.0.1:{port} fails") == 1


def test_an_address_whose_answers_are_late_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "FIRST_REST", 20.0)

    def never(connection: socket.socket, _request: Request) -> None:
        connection.recv(1)

    with scripted(never) as late, scripted() as quick:
        mount = Mount("/old", [late.address, quick.address], response_timeout=0.2)
        with gateway([mount]) as running:
            statuses = [running.get("/old/").status for _ in range(6)]
            assert sorted(statuses) == [200] * 5 + [504]
            assert running.upstream().fault is None


@pytest.mark.parametrize("of_mount", [True, False])
def test_an_address_that_is_late_for_the_gateway_rests_too(of_mount: bool) -> None:
    def never(connection: socket.socket, _request: Request) -> None:
        connection.recv(1)

    with scripted(never) as server:
        mounts = [Mount("/old", server.address, request_timeout=1.0 if of_mount else None)]
        with gateway(mounts, request_timeout=60.0 if of_mount else 1.0) as running:
            # On a busy machine, the gateway's own timeout may be the first to end a request.
            wait_until(lambda: is_late(running.get("/old/")))
            assert running.upstream().peers[0].failures >= 1


def is_late(found: Answer) -> bool:
    """Return whether the upstream's timeout has ended a request."""
    assert found.status == 504
    return found.header("Proxy-Status") == "framework-gateway; error=http_response_timeout"


def test_one_late_answer_is_no_fault_of_the_mount_but_several_are() -> None:
    def answer(connection: socket.socket, request: Request) -> bytes | None:
        if b"/late" in request.first:
            connection.recv(1)
            return None
        return OK

    with proxied(answer, response_timeout=0.1) as (running, _):
        assert running.get("/old/late").status == 504
        assert running.upstream().fault is None
        for _ in range(2):
            assert running.get("/old/late").status == 504
        assert running.get("/health/ready").status == 503
        assert running.get("/old/").status == 200
        assert running.get("/health/ready").status == 200


def test_a_malformed_answer_is_no_failure_of_the_address() -> None:
    with proxied(b"garbage\r\n\r\n") as (running, _):
        for _ in range(4):
            assert running.get("/old/").status == 502
        assert running.upstream().peers[0].failures == 0


@contextmanager
def closing_when_idle(method: str) -> Iterator[tuple[int, int]]:
    """Let a server close its idle connection just when the next request comes.

    Yields:
        The status of that request, and the number of requests that the server has received.
    """

    def answer(connection: socket.socket, request: Request) -> bytes | None:
        is_second = b"/second" in request.first and len(server.requests) == 2
        return None if is_second else OK

    with scripted(answer) as server, gateway([Mount("/old", server.address)]) as running:
        running.get("/old/first")
        headers, body = ([LENGTH], BODY) if method == "POST" else ([], b"")
        found = running.get("/old/second", *headers, method=method, body=body)
        yield found.status, len(server.requests)


def test_a_safe_request_on_an_idle_connection_is_repeated_once() -> None:
    with closing_when_idle("GET") as (status, received):
        assert (status, received) == (200, 3)


def test_an_unsafe_request_is_not_repeated() -> None:
    with closing_when_idle("POST") as (status, received):
        assert (status, received) == (502, 2)


def test_a_request_on_a_new_connection_is_not_repeated() -> None:
    with proxied(lambda _connection, _request: None) as (running, server):
        found = running.get("/old/")
        assert found.status == 502
        assert found.header("Proxy-Status") == "framework-gateway; error=connection_terminated"
        assert len(server.requests) == 1


def test_a_request_is_not_repeated_after_the_first_byte() -> None:
    def answer(connection: socket.socket, request: Request) -> bytes | None:
        if b"/second" in request.first:
            connection.sendall(b"HTTP/1.1 200")
            return None
        return OK

    with proxied(answer) as (running, server):
        running.get("/old/first")
        assert running.get("/old/second").status == 502
        assert len(server.requests) == 2


def test_a_connection_is_closed_when_it_has_been_idle_for_long() -> None:
    with proxied(keepalive_timeout=0.2) as (running, server):
        running.get("/old/")
        wait_until(lambda: server.closed == 1)
        running.get("/old/")
        assert server.connections == 2


def test_requests_wait_in_a_bounded_queue() -> None:
    go_on = threading.Event()

    def slow(_connection: socket.socket, _request: Request) -> bytes:
        go_on.wait(PATIENCE)
        return OK

    options = {"max_connections": 1, "queue_size": 1}
    with proxied(slow, **options) as (running, server), ExitStack() as stack:
        first = stack.enter_context(running.open("/old/"))
        wait_until(lambda: server.requests)
        queued = stack.enter_context(running.open("/old/"))
        wait_until(lambda: running.upstream().balancer.queue)
        full = running.get("/old/")
        assert (full.status, full.header("Retry-After")) == (503, "1")
        assert full.header("Proxy-Status") == "framework-gateway; error=connection_limit_reached"
        wait_until(lambda: metric(running, "mount_queued") == 1)
        wait_until(lambda: metric(running, "mount_shed_total") == 1)
        go_on.set()
        assert [read_answer(one).body for one in (first, queued)] == [b"ok", b"ok"]
        assert server.connections == 1


def metric(running: Running, name: str) -> float:
    return total(running.get("/metrics").body.decode(), name, mount="old")


def test_a_request_that_waits_too_long_is_dropped() -> None:
    go_on = threading.Event()

    def slow(_connection: socket.socket, _request: Request) -> bytes:
        go_on.wait(PATIENCE)
        return OK

    options = {"max_connections": 1, "queue_timeout": 0.2}
    with proxied(slow, **options) as (running, server), running.open("/old/") as first:
        wait_until(lambda: server.requests)
        late = running.get("/old/")
        assert (late.status, late.header("Retry-After")) == (503, "1")
        wait_until(lambda: metric(running, "mount_shed_total") == 1)
        go_on.set()
        assert read_answer(first).body == b"ok"
        assert len(server.requests) == 1


def test_addresses_change_while_requests_are_open() -> None:
    go_on = threading.Event()

    def slow(_connection: socket.socket, _request: Request) -> bytes:
        go_on.wait(PATIENCE)
        return OK

    with scripted(slow) as old, scripted() as new, ExitStack() as stack:
        running = stack.enter_context(gateway([Mount("/old", old.address)]))
        upstream = running.upstream()
        held = stack.enter_context(running.open("/old/"))
        wait_until(lambda: old.requests)
        running.call(upstream.set_addresses, [new.address])
        drained = running.start(upstream.wait_until_drained(old.address))
        assert running.get("/old/").body == b"ok"
        assert not drained.done()
        go_on.set()
        assert read_answer(held).body == b"ok"
        drained.result(PATIENCE)
        wait_until(lambda: old.closed == 1)
        assert (len(old.requests), len(new.requests)) == (1, 1)


def test_without_an_address_the_answer_is_503() -> None:
    with proxied() as (running, server):
        upstream = running.upstream()
        running.call(upstream.set_addresses, [])
        found = running.get("/old/")
        assert (found.status, found.header("Retry-After")) == (503, "1")
        assert found.header("Proxy-Status") == "framework-gateway; error=destination_unavailable"
        assert running.get("/health/ready").status == 503
        running.start(upstream.wait_until_drained(server.address)).result(PATIENCE)
        running.call(upstream.set_addresses, [server.address])
        assert running.get("/old/").status == 200


def test_a_server_that_ends_while_it_is_asked_on_an_idle_connection_costs_no_request() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    go_on = threading.Event()

    def slow(_connection: socket.socket, _request: Request) -> bytes:
        go_on.wait(PATIENCE)
        return OK

    def end(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(OK)
            connection.recv(65536)
            listener.close()  # nobody can connect any more

    ending = threading.Thread(target=end, args=[listener])
    ending.start()
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with scripted(slow) as busy, ExitStack() as stack:
        running = stack.enter_context(gateway([Mount("/old", [address, busy.address])]))
        assert running.get("/old/").body == b"ok"
        held = [stack.enter_context(running.open("/old/"))]
        wait_until(lambda: busy.requests)
        held.append(stack.enter_context(running.open("/old/")))
        ending.join(PATIENCE)
        wait_until(lambda: len(busy.requests) == 2)
        go_on.set()
        assert [read_answer(one).body for one in held] == [b"ok", b"ok"]
