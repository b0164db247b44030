"""Requests that the gateway's own server treats by rules or limits of its own.

Each function sends them and returns in a word or two what the server did with them.
"""

import socket
from contextlib import closing

import httpx2 as httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.other_servers.servers import Served
from tests.wsgi.clients import Answer, head, read_answer
from tests.wsgi.server import PATIENCE, wait_until

HOST = "127.0.0.1"
KEPT = 3  # seconds after which an unfinished request counts as kept; the limit is half a second
BODY = b"0123456789"


def send(server: Served, data: bytes, method: str = "GET", seconds: float = PATIENCE) -> Answer:
    """Send bytes on a new connection, and read one answer."""
    with socket.create_connection((HOST, server.port), timeout=seconds) as connection:
        connection.sendall(data)
        return read_answer(connection, method)


def word(answer: Answer) -> str:
    """Return the status, or that there was none."""
    return str(answer.status) if answer.status else "closed"


def ask(server: Served, path: str, *headers: str, body: bytes = b"", method: str = "GET") -> Answer:
    return send(server, head(path, *headers, method=method, host=HOST) + body, method)


def long_head(server: Served) -> str:
    return word(ask(server, "/wsgi/", "A: " + "a" * 100_000))


def many_headers(server: Served) -> str:
    return word(ask(server, "/wsgi/", *(f"A{number}: a" for number in range(200))))


def slow_head(server: Served) -> str:
    try:
        return word(send(server, b"GET /wsgi/ HTTP/1.1\r\n", seconds=KEPT))
    except TimeoutError:
        return "kept"


def slow_body(server: Served) -> str:
    data = head("/wsgi/echo", "Content-Length: 9", method="POST", host=HOST)
    try:
        return word(send(server, data + b"1", "POST", KEPT))
    except TimeoutError:
        return "kept"


def unknown_upgrade(server: Served) -> str:
    headers = ("Connection: Upgrade", "Upgrade: h2c", f"Content-Length: {len(BODY)}")
    answer = ask(server, "/wsgi/echo", *headers, body=BODY, method="POST")
    if answer.status != 200:
        return word(answer)
    return "served" if answer.body == BODY else "body lost"


def stream_to_http_1_0(server: Served) -> str:
    server.release.touch()
    answer = send(server, f"GET /asgi/events HTTP/1.0\r\nHost: {HOST}\r\n\r\n".encode())
    return "chunked" if answer.header("Transfer-Encoding") else word(answer)


def version_1_2(server: Served) -> str:
    return word(send(server, f"GET /wsgi/ HTTP/1.2\r\nHost: {HOST}\r\n\r\n".encode()))


def fragment(server: Served) -> str:
    return word(ask(server, "/wsgi/#part"))


def unknown_coding(server: Served) -> str:
    headers = ("Transfer-Encoding: gzip, chunked",)
    return word(ask(server, "/wsgi/echo", *headers, body=b"0\r\n\r\n", method="POST"))


def two_lengths(server: Served) -> str:
    headers = ("Transfer-Encoding: chunked", "Content-Length: 5")
    return word(ask(server, "/wsgi/echo", *headers, body=b"0\r\n\r\n", method="POST"))


def bare_line_feeds(server: Served) -> str:
    try:
        return word(send(server, f"GET /wsgi/ HTTP/1.1\nHost: {HOST}\n\n".encode(), seconds=KEPT))
    except TimeoutError:
        return "no answer"


def body_of_204(server: Served) -> str:
    data = head("/asgi/no-content", host=HOST) + head("/asgi/", "Connection: close", host=HOST)
    with socket.create_connection((HOST, server.port), timeout=PATIENCE) as connection:
        connection.sendall(data)
        with closing(connection.makefile("rb")) as answers:
            received = answers.read()
    return "sent" if received.count(b"HTTP/1.1 ") > 2 else "dropped"


def nonsense(server: Served) -> str:
    answer = send(server, b"NONSENSE\r\n\r\n")
    assert answer.status == 400
    media_type = answer.header("Content-Type") or ""
    return {"application/problem+json": "problem", "": "empty"}.get(media_type, "text")


def forwarded_client(server: Served) -> str:
    answer = ask(server, "/wsgi/client", "X-Forwarded-For: 203.0.113.9")
    return "believed" if answer.body == b"203.0.113.9" else "ignored"


def long_message(server: Served) -> str:
    address = f"ws://{HOST}:{server.port}/asgi/socket"
    with connect(address, open_timeout=PATIENCE) as websocket:
        websocket.send("x" * 100_000)
        try:
            return "echoed" if len(websocket.recv(PATIENCE)) == 100_000 else "changed"
        except ConnectionClosed as closed:
            return str(closed.rcvd.code) if closed.rcvd else "cut off"


def access_line(server: Served) -> str:
    request_id = "an-id-of-the-test"
    httpx.get(f"{server.origin}/wsgi/", headers={"X-Request-ID": request_id})
    httpx.get(f"{server.origin}/asgi/")

    def is_logged() -> bool:
        return request_id in server.process.output

    # The gateway writes its lines in batches; a server that writes none cannot be waited for.
    if server.name == "gateway":
        wait_until(is_logged)
    return "with id" if is_logged() else "own" if "/wsgi/" in server.process.output else "none"


PROBES = {
    probe.__name__: probe
    for probe in (
        *(long_head, many_headers, slow_head, slow_body, unknown_upgrade, stream_to_http_1_0),
        *(version_1_2, fragment, unknown_coding, two_lengths, bare_line_feeds, body_of_204),
        *(nonsense, forwarded_client, long_message, access_line),
    )
}
