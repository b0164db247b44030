"""Small applications to compare: some equal, some different on purpose."""

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

JSON = "application/json"
MARKUP = "<img src=x onerror=alert(1)>"
USERS = [{"id": 1, "name": "Alice"}, {"id": 2, "name": "Bob"}]


def legacy(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """A WSGI application with two routes."""
    if environ["PATH_INFO"] == "/users":
        body = json.dumps(USERS, separators=(",", ":")).encode()
        start_response(
            "200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        )
        return [body]
    start_response("404 Not Found", [("Content-Type", "text/plain"), ("Content-Length", "9")])
    return [b"not found"]


def unsized(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """A WSGI application that leaves the length to the server."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"some", b" text"]


async def users(_request: Request) -> Response:
    return JSONResponse(USERS)


async def users_changed(_request: Request) -> Response:
    return JSONResponse([USERS[0], {"id": 2, "name": "Rob"}])


async def markup(_request: Request) -> Response:
    return JSONResponse({"name": MARKUP}, headers={"Location": MARKUP})


async def markup_changed(_request: Request) -> Response:
    return JSONResponse({"name": "plain"})


async def echo(request: Request) -> Response:
    body = (await request.body()).decode()
    return PlainTextResponse(f"{request.method} {request.scope['raw_path'].decode()} {body}")


async def binary(_request: Request) -> Response:
    return Response(b"\xd7m\xf8", media_type="application/octet-stream")


async def numbers(_request: Request) -> Response:
    return Response('{"id": 9007199254740993, "n": [1.0, 1e400, -0]}', media_type=JSON)


async def numbers_changed(_request: Request) -> Response:
    return Response('{"id": 9007199254740992, "n": [1, 1e401, 0]}', media_type=JSON)


async def slow(_request: Request) -> Response:
    await asyncio.sleep(30)
    return PlainTextResponse("late")


async def many(_request: Request) -> Response:
    return JSONResponse([0] * 300)


async def many_changed(_request: Request) -> Response:
    return JSONResponse([1] * 300)


async def long(_request: Request) -> Response:
    return PlainTextResponse("x" * 2000)


async def fail(_request: Request) -> Response:
    raise RuntimeError("out of order")


async def not_found(_request: Request, _error: Exception) -> Response:
    return Response("not found", 404, {"Content-Type": "text/plain"})


COMMON = [Route("/echo", echo, methods=["GET", "POST", "PUT"]), Route("/slow", slow)]
COMMON += [Route("/long", long), Route("/fail", fail), Route("/binary", binary)]

main = Starlette(
    routes=[
        Route("/users", users),
        Route("/markup", markup),
        Route("/numbers", numbers),
        Route("/many", many),
        Route("/slow-in-three", many),
        *COMMON,
    ],
    exception_handlers={404: not_found},
)
CHANGED = [
    Route("/users", users_changed),
    Route("/markup", markup_changed),
    Route("/numbers", numbers_changed),
    Route("/many", many_changed),
    Route("/slow-in-three", slow),
]
changed = Starlette(routes=[*CHANGED, *COMMON])
