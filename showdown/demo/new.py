"""The new application of the demo: the users API in FastAPI, with mistakes that can be corrected.

The file that ``DEMO_MISTAKES`` names lists the mistakes that are still there, one word each:

- ``names``: the list of users has names in capitals.
- ``greeting``: the greeting has another text.
- ``waits``: every wait fails.
"""

import json
import os
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fastapi_app import create_app


def change_names(document: Any) -> Any:
    """Write the names of a list of users in capitals."""
    return [{**user, "name": user["name"].upper()} for user in document]


def change_greeting(_document: Any) -> Any:
    """Replace the greeting."""
    return {"message": "Hello, FastAPI!"}


CHANGES = {"/api/users": ("names", change_names), "/api/hello": ("greeting", change_greeting)}


class Mistaken:
    """Middleware that makes the planted mistakes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.file = Path(os.environ["DEMO_MISTAKES"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        mistakes = self.file.read_text().split()
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if path == "/api/wait" and "waits" in mistakes:
            raise RuntimeError("the new application cannot wait")
        name, change = CHANGES.get(path, ("", None))
        if change is None or name not in mistakes or scope["method"] != "GET":
            return await self.app(scope, receive, send)
        start: list[Message] = []
        body = b""

        async def collect(message: Message) -> None:
            nonlocal body
            if message["type"] == "http.response.start":
                start.append(message)
                return
            body += message.get("body", b"")
            if message.get("more_body", False):
                return
            text = json.dumps(change(json.loads(body)), separators=(",", ":")).encode()
            headers = [one for one in start[0]["headers"] if one[0] != b"content-length"]
            headers.append((b"content-length", b"%d" % len(text)))
            await send({**start[0], "headers": headers})
            await send({"type": "http.response.body", "body": text})

        await self.app(scope, receive, collect)


app = Mistaken(create_app())
