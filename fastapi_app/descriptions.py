"""What the OpenAPI document says to people: the introduction, the tags, headers and logins."""

from typing import Any

ONLY_FASTAPI = "Only FastAPI"

INTRODUCTION = """\
The same users API in Flask, FastAPI and Django.

1. Choose a server: each prefix is another framework, and all three use one database.
2. Open an operation, press **Try it out**, then **Execute**.
3. If an answer is 401 or 403, log in to the Django admin, or create an API token there and paste it
   after **Authorize**. Every operation takes a token; most also answer without one.

Errors are problem documents ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)): `detail` says
what is wrong, and for 422 `errors` names each invalid value.

Flask also receives signed webhooks, which are not part of this document.
"""

TAGS: list[dict[str, Any]] = [
    {
        "name": "users",
        "description": "List, create, read, change and delete users. A list has at most 100 users;"
        " its `Link` header has the address of the next page.",
    },
    {"name": "me", "description": "Find out who the server thinks you are."},
    {
        "name": "probes",
        "description": "Two operations for measurements; neither uses the database.",
    },
    {
        "name": ONLY_FASTAPI,
        "description": """\
Exports of all users, and a stream of their changes. Flask and Django do not have these operations.

There is also a WebSocket, which OpenAPI cannot describe. Connect to `/api/users/live` below
FastAPI's prefix, such as `ws://127.0.0.1:8000/fastapi/api/users/live`:

- The server sends one JSON object in a text message for each change, the same as the events of
  `/api/users/events`.
- `?after=17` first sends the events after the event 17.
- Send nothing: the server closes the connection with the code 1003 if you do. It closes a
  connection that reads too slowly with 1013; connect again with the id of your last event.
- A page of another site is refused with 403.
""",
    },
]

TOKEN = "token"  # nosec B105: the name of the scheme, no password
SCHEMES = {
    TOKEN: {
        "type": "http",
        "scheme": "bearer",
        "description": "An API token. Create one in the Django admin, under API tokens; it begins"
        " with `gw_`. A login in the admin counts, too: your browser sends its cookie by itself.",
    }
}
# The gateway checks a token on every path, before it calls an application.
OPTIONAL_LOGIN: list[dict[str, list[str]]] = [{}, {TOKEN: []}]
LOGIN: dict[str, Any] = {"security": [{TOKEN: []}]}


def header(description: str, example: str | int, **schema: Any) -> dict[str, Any]:
    """Describe a response header."""
    kind = "integer" if isinstance(example, int) else "string"
    return {"description": description, "schema": {"type": kind, **schema}, "example": example}


LINK = header(
    "The address of the next page (RFC 8288); missing on the last page.",
    '</fastapi/api/users?limit=20&after=20>; rel="next"',
)
LOCATION = header("The path of what was created.", "/fastapi/api/users/3", format="uri-reference")
EXPORT = header(
    "The path where the state of the export is.",
    "/fastapi/api/exports/0b6f0c3e-5d0f-4c3a-9a53-2d4b7c1e8f10",
    format="uri-reference",
)
RETRY_AFTER = header("Seconds to wait before you try again.", 1, minimum=0)
CHALLENGE = header("How to log in (RFC 6750).", "Bearer")
FILE_NAME = header("The name to save the file under.", 'attachment; filename="users.csv"')


def content_of(
    description: str, examples: dict[str, str], file_name: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Describe a response of text.

    Args:
        examples: by media type.
        file_name: the header of a download.
    """
    return {
        "description": description,
        "headers": {"Content-Disposition": file_name} if file_name else {},
        "content": {
            media_type: {"schema": {"type": "string"}, "example": example}
            for media_type, example in examples.items()
        },
    }


FILES = {
    "application/x-ndjson": '{"id":1,"name":"Alice","email":"alice@example.com"}\n',
    "text/csv": "id,name,email\r\n1,Alice,alice@example.com\r\n",
}
EVENT_STREAM = content_of(
    "A stream without an end.",
    {
        "text/event-stream": "retry: 1000\n\nid: 17\n"
        'data: {"id":17,"at":"2026-11-27T12:00:00Z","action":"created","framework":"flask",'
        '"user":{"id":3,"name":"Carol","email":"carol@example.com"}}\n\n'
    },
)
# FastAPI describes the items of the stream, but not what their data is.
EVENT_STREAM["content"]["text/event-stream"]["itemSchema"] = {
    "properties": {
        "data": {
            "contentMediaType": "application/json",
            "contentSchema": {
                "anyOf": [
                    {"$ref": "#/components/schemas/UserEvent"},
                    {"$ref": "#/components/schemas/Reset"},
                ]
            },
        }
    }
}
