"""Two versions of an API: Flask, and FastAPI with mistakes that a test can switch on."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from flask import Flask, jsonify, request

USERS = {1: "Ada", 2: "Grace"}


def old_api() -> Flask:
    """The old version; ``seen`` has the requests that it got."""
    app = Flask("old")
    seen: list[tuple[str, str, dict[str, str]]] = []
    app.extensions["seen"] = seen

    @app.before_request
    def note() -> None:
        seen.append((request.method, request.path, dict(request.headers)))

    @app.get("/users")
    def list_users() -> Any:
        return jsonify([{"id": number, "name": name} for number, name in USERS.items()])

    @app.get("/users/<int:number>")
    def get_user(number: int) -> Any:
        return {"id": number, "name": USERS.get(number, "?"), "side": "same"}

    @app.post("/users")
    def create() -> Any:
        return request.get_json(), 201

    @app.get("/echo")
    def echo() -> Any:
        return request.get_data()

    @app.get("/cached")
    def cached() -> Any:
        response = jsonify({"id": 1})
        response.set_etag("one")
        return response.make_conditional(request)

    @app.get("/me")
    def me() -> Any:
        return {"name": request.cookies.get("session", "nobody")}

    @app.get("/large")
    def large() -> Any:
        return "x" * 300_000

    @app.get("/noise")
    def noise() -> Any:
        noise.count = getattr(noise, "count", 0) + 1  # type: ignore[attr-defined]
        return {"count": noise.count, "name": "same"}  # type: ignore[attr-defined]

    return app


class New:
    """The new version.

    Attributes:
        mode: how ``/users/{number}`` answers: ``well``, ``wrong``, ``error``, ``raise``, ``exit``,
            ``hang``, ``late`` (an exception after the head), ``stream``, ``meddle`` (it changes the
            headers of the request, then fails).
        seen: the requests that it got.
        bodies: those of requests to ``/echo``.
    """

    def __init__(self) -> None:
        self.mode = "well"
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        self.app = FastAPI()
        self.app.add_api_route("/users", self.list_users)
        self.app.add_api_route("/users/{number}", self.get_user, response_model=None)
        self.app.add_api_route("/users", self.create, methods=["POST"], status_code=201)
        self.app.add_api_route("/large", self.large)
        self.app.add_api_route("/me", self.me)
        self.app.add_api_route("/cached", self.cached)
        self.app.add_api_route("/echo", self.echo)
        self.app.add_api_route("/noise", self.noise)
        self.count = 1000
        self.bodies: list[bytes] = []

    def _note(self, request: Request) -> None:
        self.seen.append((request.method, request.url.path, dict(request.headers)))

    async def list_users(self, request: Request) -> Any:
        self._note(request)
        return [{"id": number, "name": name} for number, name in USERS.items()]

    async def get_user(self, number: int, request: Request) -> Any:
        self._note(request)
        if self.mode == "meddle":
            request.scope["headers"].append((b"x-meddled", b"1"))
        if self.mode == "exit":
            raise SystemExit(1)
        if self.mode in ("error", "meddle"):
            return Response("broken", 500)
        if self.mode == "raise":
            raise RuntimeError("a mistake")
        if self.mode == "hang":
            await asyncio.Event().wait()
        if self.mode in ("late", "stream"):
            return StreamingResponse(self._stream(), media_type="application/json")
        name = "Eve" if self.mode == "wrong" else USERS.get(number, "?")
        return {"id": number, "name": name, "side": "same"}

    async def _stream(self) -> AsyncIterator[bytes]:
        if self.mode == "late":
            raise RuntimeError("after the head")
        while True:
            yield b"x" * 1000
            # Lets the reader of the stream run.
            await asyncio.sleep(0)

    async def create(self, request: Request) -> Any:
        self._note(request)
        return await request.json()

    async def echo(self, request: Request) -> Any:
        self.bodies.append(await request.body())
        raise RuntimeError("a mistake")

    async def cached(self, request: Request, response: Response) -> Any:
        self._note(request)
        response.headers["ETag"] = '"two"'
        return {"id": 1}

    async def me(self, request: Request) -> Any:
        return {"name": request.cookies.get("session", "nobody")}

    async def large(self, request: Request) -> Any:
        self._note(request)
        return Response("x" * 300_000)

    async def noise(self, request: Request) -> Any:
        self._note(request)
        self.count += 1
        return {"count": self.count, "name": "same"}
