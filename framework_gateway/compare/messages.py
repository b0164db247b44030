"""The request for all targets, and the answer of one target."""

import base64
import json
import re
import secrets
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self
from urllib.parse import quote

from framework_gateway.compare.credentials import mask

PLACEHOLDER = "{framework}"
# Possessive quantifiers, and a match only at the start of a word, keep the search linear.
WORDS = re.compile(r"(?:(?<![\w.+@-])[\w.+@-]++)?+\{framework\}[\w.+@-]*+")
MAX_WORDS = 20
LONGEST_WORD = 254  # characters, as in an email address; longer words would fill the pattern caches
# Characters that need no encoding in a path and a query (RFC 3986), including the percent sign.
SAFE = "/?%:@!$&'()*+,;=~"

MAX_DEPTH = 200  # nested levels of JSON
STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)  # an unterminated string ends with the text
SQUARE = bytes.maketrans(b"{}", b"[]")
NO_BRACKETS = bytes({*range(256)} - {*b"[]{}"})

# Headers that clients set themselves; a curl command does not need them.
OWN_HEADERS = re.compile(
    "(host|user-agent|accept|accept-encoding|accept-language|cache-control|content-length|cookie"
    "|dnt|x-csrftoken|x-request-id|origin|pragma|priority|referer|sec-.*)",
    re.IGNORECASE,
)

# Limits for curl commands; longer ones are unreadable, and shells do not accept NUL.
LONGEST_BODY = 1000  # characters
LONGEST_COMMAND = 4000
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

Headers = Sequence[tuple[str, str]]


class NoAnswer(Exception):
    """A target has no answer to compare; the message says why."""


@dataclass(frozen=True)
class Request:
    """A request for all targets.

    Attributes:
        path: the path below each target's prefix, with the query. ``{framework}`` in the path and
            the body stands for the target's name, so that, for example, each target creates its
            own user.
    """

    method: str
    path: str
    headers: Headers = ()
    body: bytes = b""

    @classmethod
    def build(
        cls,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | str = b"",
        json: Any = None,
    ) -> Self:
        """Create a request; ``json`` also sets the Content-Type."""
        fields = dict(headers or {})
        if json is not None:
            body = dump(json)
            fields = {"Content-Type": "application/json", **fields}
        data = body.encode() if isinstance(body, str) else body
        return cls(method.upper(), path, tuple(fields.items()), data)

    def for_target(self, name: str) -> Self:
        """Return the request for one target."""
        path = quote(self.path.replace(PLACEHOLDER, name), safe=SAFE)
        return replace(self, path=path, body=self.body.replace(PLACEHOLDER.encode(), name.encode()))

    def with_request_id(self) -> Self:
        """Return the request with an X-Request-ID; a new one unless it has one.

        All targets receive the same id, so that answers with the id are equal, and one search
        finds the logs of all targets.
        """
        if any(name.lower() == "x-request-id" for name, _ in self.headers):
            return self
        return replace(self, headers=[*self.headers, ("X-Request-ID", secrets.token_hex(8))])

    @cached_property
    def placeholders(self) -> list[str]:
        """The words in path and body that contain ``{framework}``, longest first; at most 20."""
        text = f"{self.path} {self.body.decode(errors='replace')}"
        words = {word for word in WORDS.findall(text) if len(word) <= LONGEST_WORD}
        return sorted(words, key=len, reverse=True)[:MAX_WORDS]

    def as_dict(self) -> dict[str, Any]:
        """Return the request as JSON data."""
        return {"method": self.method, "path": self.path, **as_text(self.body)}

    def curl(self, url: str) -> str:
        """Return a shell command that sends the request to ``url``.

        Credentials are masked. A body that does not fit into a command becomes ``@body``: save it
        in a file of that name.
        """
        words = ["curl", "--include"]
        if self.method == "HEAD":
            words = ["curl", "--head"]
        elif self.method != ("POST" if self.body else "GET"):
            words += ["--request", self.method]
        for name, value in self.headers:
            if OWN_HEADERS.fullmatch(name):
                continue
            # curl sends a header without a value only when it ends with a semicolon.
            words += ["--header", f"{name}: {mask(name, value)}" if value else f"{name};"]
        if self.body:
            text = self.body.decode(errors="replace")
            fits = len(text) <= LONGEST_BODY and not UNPRINTABLE.search(text)
            words += ["--data-binary", text if fits else "@body"]
        command = shlex.join([*words, url + self.path])
        return command if len(command) <= LONGEST_COMMAND else "# The command is too long."


@dataclass(frozen=True)
class Answer:
    """The answer of a target, or the reason why there is none.

    Attributes:
        target: the name of the target.
        prefix: the prefix of the target's paths.
        status: the status; 0 if there is no answer.
        headers: the headers as sent, in order.
        seconds: the time from the request to the last byte of the answer.
        waiting, running: the seconds of it in the queue and in the application; None unless the
            WSGI bridge measures them.
        error: why there is no answer; None if there is one.
        curl: a shell command that sends the same request.
    """

    target: str
    prefix: str
    curl: str
    seconds: float
    status: int = 0
    headers: Headers = ()
    body: bytes = b""
    waiting: float | None = None
    running: float | None = None
    error: str | None = None

    def header(self, name: str) -> str | None:
        """Return the value of a header; several values are joined by commas (RFC 9110, 5.3)."""
        values = [value for field, value in self.headers if field.lower() == name.lower()]
        return ", ".join(values) if values else None

    def as_dict(self) -> dict[str, Any]:
        """Return the answer as JSON data; times in seconds, ``size`` in bytes."""
        return {
            "target": self.target,
            "status": self.status,
            "error": self.error,
            "seconds": self.seconds,
            "waiting": self.waiting,
            "running": self.running,
            "size": len(self.body),
            "headers": [[name, mask(name, value)] for name, value in self.headers],
            **as_text(self.body),
            "curl": self.curl,
        }


def as_text(body: bytes) -> dict[str, str]:
    """Return a body as JSON data: as text, or in Base64 if it is not printable UTF-8.

    In a JSON string, a NUL would take six characters.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = "\0"
    if UNPRINTABLE.search(text):
        return {"body": base64.b64encode(body).decode(), "encoding": "base64"}
    return {"body": text, "encoding": "utf-8"}


def parse_json(body: bytes) -> Any:
    """Parse JSON.

    Raises:
        ValueError: the body is not JSON, or nested deeper than MAX_DEPTH. Below that depth, the
            parser could raise RecursionError, and so could a finaliser that the garbage collector
            runs at that moment.
    """
    brackets = STRING.sub(b"", body).translate(SQUARE, NO_BRACKETS)
    for _ in range(MAX_DEPTH):
        if not brackets:
            break
        brackets = brackets.replace(b"[]", b"")
    if brackets:
        raise ValueError(f"not JSON, or nested deeper than {MAX_DEPTH} levels")
    return json.loads(body)


def dump(value: Any) -> str:
    """Return compact JSON without escapes for non-ASCII letters."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
