"""A WSGI and an ASGI application to mount, which answer with what they have received.

``gateway serve --mount /wsgi=tests.attack.echo:wsgi --mount /asgi=tests.attack.echo:asgi``

Both run in one process. They remember requests for ``hidden``, which only occur in bodies of other
requests; ``executed`` lists the numbers in their queries.
"""

from collections.abc import Awaitable, Callable, Iterator
from hashlib import sha256
from typing import Any

from tests.wsgi.responses import Environ, StartResponse

MESSAGE = b"received"

executed: list[str] = []


def describe(method: str, path: str, query: str, body: bytes) -> str:
    """Describe what was received, for the response header ``Received``."""
    name = path.rpartition("/")[2]
    return f"{method} {name}?{query} {len(body)} {sha256(body).hexdigest()}"


def answer(method: str, path: str, query: str, body: bytes) -> tuple[str, list[bytes]]:
    """Return the header ``Received``, and the parts of a response without Content-Length."""
    if path.endswith("/hidden"):
        executed.append(query)
    is_asked = path.endswith("/executed")
    parts = [number.encode() + b"\n" for number in executed] if is_asked else [MESSAGE] * 2
    return describe(method, path, query, body), parts


def wsgi(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    """Answer over WSGI."""
    body = environ["wsgi.input"].read()
    received, parts = answer(
        environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["QUERY_STRING"], body
    )
    start_response("200 OK", [("Content-Type", "text/plain"), ("Received", received)])
    return iter(parts)


async def asgi(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Answer over ASGI; only ``/socket`` is a WebSocket."""
    if scope["type"] == "websocket":
        await receive()
        is_socket = scope["path"].endswith("/socket")
        await send({"type": "websocket.accept" if is_socket else "websocket.close"})
        while is_socket and (await receive())["type"] != "websocket.disconnect":
            pass
        return
    assert scope["type"] == "http", "no lifespan"
    body = b""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message.get("body", b"")
        more = message.get("more_body", False)
    received, parts = answer(scope["method"], scope["path"], scope["query_string"].decode(), body)
    headers = [(b"content-type", b"text/plain"), (b"received", received.encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for part in parts:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body"})
