"""The request for all targets, and the answer of one target."""

import base64
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any, Self
from urllib.parse import quote, urlsplit

from framework_gateway.compare.contents import Content, read_content
from framework_gateway.compare.credentials import mask
from framework_gateway.compare.curl import curl_command
from framework_gateway.compare.json_values import dump

PLACEHOLDER = "{framework}"
# Possessive quantifiers, and a match only at the start of a word, keep the search linear.
WORDS = re.compile(r"(?:(?<![\w.+@-])[\w.+@-]++)?+\{framework\}[\w.+@-]*+")
MAX_WORDS = 20
LONGEST_WORD = 254  # characters, as in an email address
# Characters that need no encoding in a path and a query (RFC 3986), including the percent sign.
SAFE = "/?%:@!$&'()*+,;=~"

# Some servers refuse requests without them.
DEFAULTS = (("Accept", "*/*"), ("User-Agent", "framework-gateway"))

Headers = Sequence[tuple[str, str]]


class Failure(StrEnum):
    """Why a target did not answer."""

    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"  # no connection, or it broke
    EXCEPTION = "exception"  # an application raised instead of answering
    TOO_LONG = "too long"  # the body is longer than the limit
    INCOMPLETE = "incomplete"  # an application returned without a complete answer
    NOT_ASKED = "not asked"  # a value that the request needs was not saved


class NoAnswer(Exception):
    """A target has no answer to compare; the message says why."""

    def __init__(self, message: str, failure: Failure = Failure.INCOMPLETE) -> None:
        super().__init__(message)
        self.failure = failure


@dataclass(frozen=True)
class Request:
    """A request for all targets.

    Attributes:
        path: the path below each target's prefix, with the query. ``{framework}`` in the path and
            the body stands for the target's name, so that, for example, each target creates its
            own user.
        save: maps names to places of the answer: a JSON Pointer into the body, or the name of a
            header. In later requests, ``{name}`` in path, headers and body becomes the value that
            the same target has answered.
    """

    method: str
    path: str
    headers: Headers = ()
    body: bytes = b""
    save: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def build(
        cls,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | Headers | None = None,
        body: bytes | str = b"",
        json: Any = None,
        save: Mapping[str, str] | None = None,
    ) -> Self:
        """Create a request; ``json`` also sets the Content-Type.

        Args:
            headers: a mapping, or a list of pairs if a name occurs more than once.
        """
        fields = [*headers.items()] if isinstance(headers, Mapping) else [*(headers or ())]
        if json is not None:
            body = dump(json)
            if "content-type" not in {name.lower() for name, _ in fields}:
                fields = [("Content-Type", "application/json"), *fields]
        data = body.encode() if isinstance(body, str) else body
        return cls(method.upper(), path, tuple(fields), data, dict(save or {}))

    def for_target(self, name: str) -> Self:
        """Return the request for one target."""
        path = quote(self.path.replace(PLACEHOLDER, name), safe=SAFE)
        return replace(self, path=path, body=self.body.replace(PLACEHOLDER.encode(), name.encode()))

    def with_defaults(self) -> Self:
        """Return the request with an X-Request-ID, a User-Agent and an Accept, unless it has them.

        All targets receive the same id, so that answers with the id are equal, and one search
        finds the logs of all targets.
        """
        names = {name.lower() for name, _ in self.headers}
        added = [(name, value) for name, value in DEFAULTS if name.lower() not in names]
        if "x-request-id" not in names:
            added.append(("X-Request-ID", secrets.token_hex(8)))
        return replace(self, headers=[*self.headers, *added])

    @property
    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers in bytes: in ISO 8859-1, or in UTF-8 if that has no such letter.

        Raises:
            NoAnswer: a name is not ASCII.
        """
        try:
            return [(name.encode("ascii"), raw_value(value)) for name, value in self.headers]
        except UnicodeEncodeError as error:
            raise NoAnswer(f"a header cannot be sent: {error}", Failure.NOT_ASKED) from error

    @cached_property
    def placeholders(self) -> list[str]:
        """The words in path and body that contain ``{framework}``, longest first; at most 20."""
        if PLACEHOLDER not in self.path and PLACEHOLDER.encode() not in self.body:
            return []
        text = f"{self.path} {self.body.decode(errors='replace')}"
        words = {word for word in WORDS.findall(text) if len(word) <= LONGEST_WORD}
        return sorted(words, key=len, reverse=True)[:MAX_WORDS]

    def as_dict(self) -> dict[str, Any]:
        """Return the request as JSON data."""
        return {"method": self.method, "path": self.path, **as_text(self.body)}

    def curl(self, url: str) -> str:
        """Return a shell command that sends the request to ``url``; credentials are masked."""
        return curl_command(self.method, url + self.path, self.headers, self.body)


@dataclass(frozen=True)
class Answer:
    """The answer of a target, or the reason why there is none.

    Attributes:
        target: the name of the target.
        url: the URL in front of each path: the target's origin, and its prefix if it has one.
        request: the request as it was sent to this target.
        seconds: the time from the request to the last byte of the answer.
        status: the status; 0 if there is no answer.
        headers: the headers as sent, in order, with their spelling.
        body: the bytes of the body, without its content coding (gzip).
        wire_size: the bytes of the body as sent; None if they are those of ``body``.
        is_decoded: whether the body has no content coding any more; false if the coding is unknown,
            or the body is not in the coding that Content-Encoding names.
        waiting, running: the seconds of it in the queue and in the application; None unless the
            WSGI bridge measures them.
        error: why there is no answer, in words; None if there is one.
        failure: the kind of ``error``.
        is_served: whether a server in between has chosen how the body is framed.
    """

    target: str
    url: str
    request: Request
    seconds: float
    status: int = 0
    headers: Headers = ()
    body: bytes = b""
    wire_size: int | None = None
    is_decoded: bool = True
    waiting: float | None = None
    running: float | None = None
    error: str | None = None
    failure: Failure | None = None
    is_served: bool = False

    @property
    def origin(self) -> str:
        """The scheme, host and port of the target."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def prefix(self) -> str:
        """The path in front of each request's path."""
        return urlsplit(self.url).path

    @property
    def curl(self) -> str:
        """A shell command that sends the same request."""
        return self.request.curl(self.url)

    @cached_property
    def content(self) -> Content:
        """What the body is: its form, its text, its JSON value."""
        return read_content(self.body, self.header("content-type"))

    def header(self, name: str) -> str | None:
        """Return the value of a header; several values are joined by commas (RFC 9110, 5.3)."""
        values = [value for field, value in self.headers if field.lower() == name.lower()]
        return ", ".join(values) if values else None

    def as_dict(self) -> dict[str, Any]:
        """Return the answer as JSON data; times in seconds, sizes in bytes.

        ``body`` is the text of the body; binary data is in Base64 (``"encoding": "base64"``).
        """
        return {
            "target": self.target,
            "status": self.status,
            "error": self.error,
            "failure": self.failure and str(self.failure),
            "seconds": self.seconds,
            "waiting": self.waiting,
            "running": self.running,
            "size": len(self.body),
            "wire_size": len(self.body) if self.wire_size is None else self.wire_size,
            "form": str(self.content.form),
            "headers": [[name, mask(name, value)] for name, value in self.headers],
            **as_text(self.body, self.content),
            "curl": self.curl,
        }


def raw_value(value: str) -> bytes:
    """Return a header's value in bytes."""
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode()


def as_text(body: bytes, content: Content | None = None) -> dict[str, str]:
    """Return a body as JSON data: as text, or in Base64 if it is not printable text.

    In a JSON string, a control character would take six characters.
    """
    content = content or read_content(body, None)
    if body and (content.text is None or "\x1b" in content.text):
        return {"body": base64.b64encode(body).decode(), "encoding": "base64"}
    return {"body": content.text or "", "encoding": content.charset}
