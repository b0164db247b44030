"""A stop answers requests that have arrived, and does not wait for idle connections."""

import http.client

from starlette.types import Receive, Scope, Send

from framework_gateway.server.protocol import EVENT_STREAM
from tests.server.test_protocol import connections
from tests.wsgi.clients import head, read_answer, read_to_end, read_until
from tests.wsgi.server import serve, wait_until


def test_a_stop_answers_a_request_on_a_new_connection() -> None:
    with serve() as served:
        connection = served.connect()
        wait_until(lambda: len(served.server.server_state.connections) == 1)
        served.server.should_exit = True
        wait_until(lambda: connections(served)[0].stopping)
        connection.sendall(head("/app/"))
        answer = read_answer(connection)
        assert (answer.status, answer.header("Connection")) == (200, "close")
        assert read_to_end(connection) == b""
        connection.close()


def test_a_stop_does_not_wait_for_idle_connections() -> None:
    with serve() as served:
        silent = served.connect()
        idle = http.client.HTTPConnection("127.0.0.1", served.port)
        idle.request("GET", "/app/")
        assert idle.getresponse().read() == b"hello"
        served.server.should_exit = True
        assert read_to_end(silent) == b""
        assert idle.sock is None or read_to_end(idle.sock) == b""
        silent.close()
        idle.close()


def test_a_stop_ends_event_streams() -> None:
    async def events(scope: Scope, receive: Receive, send: Send) -> None:
        """Send one event, and keep the stream open."""
        if scope["type"] != "http":
            return
        scope[EVENT_STREAM] = True
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass

    with serve(others={"/events": events}) as served:
        connection = served.open("/events/")
        assert read_until(connection, b"data: 1\n\n")
        served.server.should_exit = True
        assert read_to_end(connection).endswith(b"0\r\n\r\n")
        connection.close()
