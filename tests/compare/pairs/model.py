"""A pair of applications, and how to make one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from framework_gateway.compare.findings import Kind

Header = tuple[str, str]
JSON = ("Content-Type", "application/json")
TEXT = ("Content-Type", "text/plain; charset=utf-8")
LINES = ("Content-Type", "application/x-ndjson")


def answers(
    body: bytes | str = b"",
    *headers: Header,
    status: int = 200,
    pieces: Sequence[bytes] | None = None,
) -> Callable[..., Any]:
    """Return an ASGI application with one answer; a whole body has a Content-Length."""
    data = body.encode() if isinstance(body, str) else body
    fields = [*headers]
    if pieces is None and status not in (204, 304):
        fields.append(("Content-Length", str(len(data))))
    raw = [(name.encode(), value.encode("latin-1")) for name, value in fields]

    async def application(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": status, "headers": raw})
        for piece in (data,) if pieces is None else pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    return application


def wsgi(body: bytes, *headers: Header, status: str = "200 OK") -> Callable[..., Any]:
    """Return a WSGI application with one answer."""

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response(status, [*headers, ("Content-Length", str(len(body)))])
        return [body]

    return application


def by_path(**applications: Callable[..., Any]) -> Callable[..., Any]:
    """Return an application that answers by the last letter of the path; ``slash`` is for ``/``."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        name = "slash" if scope["path"].endswith("/") else "plain"
        await applications[name](scope, receive, send)

    return application


def by_method(**applications: Callable[..., Any]) -> Callable[..., Any]:
    """Return an application that answers by the method; ``other`` is for all others."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        chosen = applications.get(scope["method"], applications.get("other"))
        assert chosen is not None
        await chosen(scope, receive, send)

    return application


@dataclass(frozen=True)
class Pair:
    """Two applications, a request, and what a comparison must find.

    Attributes:
        place: the place of the difference; empty if there is none.
        values: the values of ``old`` and ``new`` as they must be shown; None if it has none.
        counts: whether the difference decides the verdict.
        options: arguments of ``comparing``.
    """

    name: str
    old: Callable[..., Any]
    new: Callable[..., Any]
    place: str = ""
    kind: Kind | None = None
    values: tuple[str | None, str | None] = (None, None)
    counts: bool = True
    method: str = "GET"
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


def header(name: str, old: str | None, new: str | None, label: str = "", **more: Any) -> Pair:
    """Return a pair that differs in one header."""
    one, two = (
        answers(b"", *([(name, value)] if value is not None else [])) for value in (old, new)
    )
    kind = Kind.MISSING if old is None or new is None else Kind.HEADER
    label = label or f"{name}: {old} / {new}"
    return Pair(label, one, two, f"header {name}", kind, (old, new), **more)


def cookie(
    label: str, old: str | None, new: str | None, shown: tuple[str | None, str | None]
) -> Pair:
    """Return a pair that differs in the cookie ``sid``."""
    one, two = (
        answers(b"", *([("Set-Cookie", value)] if value is not None else []))
        for value in (old, new)
    )
    kind = Kind.MISSING if None in shown else Kind.HEADER
    return Pair(f"cookie {label}", one, two, "header Set-Cookie sid", kind, shown)


def json(label: str, old: str, new: str, place: str, kind: Kind, *values: str | None) -> Pair:
    """Return a pair that differs in one place of a JSON body."""
    shown = (values[0], values[1])
    place = f"body {place}".rstrip()
    return Pair(f"JSON {label}", answers(old, JSON), answers(new, JSON), place, kind, shown)


def status(
    label: str, old: Callable[..., Any], new: Callable[..., Any], *values: str, **more: Any
) -> Pair:
    """Return a pair that differs in the status."""
    return Pair(f"status {label}", old, new, "status", Kind.STATUS, (values[0], values[1]), **more)


OK = answers("{}", JSON)


def same(label: str, old: Callable[..., Any], new: Callable[..., Any], **more: Any) -> Pair:
    """Return a pair that differs in nothing that matters."""
    return Pair(label, old, new, **more)


def with_headers(label: str, old: Sequence[Header], new: Sequence[Header]) -> Pair:
    return same(label, answers(b"", *old), answers(b"", *new))
