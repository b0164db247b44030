"""The request that every target gets, and the answer of one of them."""

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
# Possessive, and from the start of a word alone: a long text is read once, not once a letter.
WORDS = re.compile(r"(?:(?<![\w.+@-])[\w.+@-]++)?+\{framework\}[\w.+@-]*+")
MOST_WORDS = 20
LONGEST_WORD = 254  # characters: an email address; longer ones would fill the caches of patterns
# What stands for itself in a path and a query (RFC 3986), percent-encoding included.
SAFE = "/?%:@!$&'()*+,;=~"

MAX_DEPTH = 200  # levels of JSON that is taken apart
STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)  # an unfinished one ends with the text
SQUARE = bytes.maketrans(b"{}", b"[]")
NO_BRACKETS = bytes({*range(256)} - {*b"[]{}"})

# What clients send by themselves: a command that repeats a request need not say it.
OWN_HEADERS = re.compile(
    "(host|user-agent|accept|accept-encoding|accept-language|cache-control|content-length|cookie"
    "|dnt|x-csrftoken|x-request-id|origin|pragma|priority|referer|sec-.*)",
    re.IGNORECASE,
)

# In commands; longer ones cannot be read, and shells take no NUL.
LONGEST_BODY = 1000  # characters
LONGEST_COMMAND = 4000
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

Headers = Sequence[tuple[str, str]]


class NoAnswer(Exception):
    """A target gave no answer that could be compared; the message says why."""


@dataclass(frozen=True)
class Request:
    """What is asked.

    Attributes:
        path: below each target's prefix, with the query; ``{framework}`` in it and in the body
            stands for the target's name, so that each creates a user of its own.
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
        """Make a request the way HTTP clients let one: ``json`` also sets the Content-Type."""
        fields = dict(headers or {})
        if json is not None:
            body = dump(json)
            fields = {"Content-Type": "application/json", **fields}
        data = body.encode() if isinstance(body, str) else body
        return cls(method.upper(), path, tuple(fields.items()), data)

    def addressed_to(self, name: str) -> Self:
        """Return the request as one target gets it."""
        path = quote(self.path.replace(PLACEHOLDER, name), safe=SAFE)
        return replace(self, path=path, body=self.body.replace(PLACEHOLDER.encode(), name.encode()))

    def identified(self) -> Self:
        """Return the request with an X-Request-ID, a new one unless it has one.

        All targets get the same, so that their answers are equal where they show it, and one
        search finds what all of them have logged.
        """
        if any(name.lower() == "x-request-id" for name, _ in self.headers):
            return self
        return replace(self, headers=[*self.headers, ("X-Request-ID", secrets.token_hex(8))])

    @cached_property
    def placeholders(self) -> list[str]:
        """The words of path and body that hold ``{framework}``, longest first; 20 at most."""
        text = f"{self.path} {self.body.decode(errors='replace')}"
        words = {word for word in WORDS.findall(text) if len(word) <= LONGEST_WORD}
        return sorted(words, key=len, reverse=True)[:MOST_WORDS]

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON can say of it."""
        return {"method": self.method, "path": self.path, **as_text(self.body)}

    def curl(self, url: str) -> str:
        """Write the command that sends the same to ``url``, for a shell.

        Credentials are left out, and so is a body that no command could hold: put it into a file.
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
    """What a target answered, or why it did not.

    Attributes:
        target: the target's name, and ``prefix``: what its own paths begin with.
        status: 0 when there is no answer, and ``error`` says why.
        headers: as sent, in order.
        seconds: from asking to the last byte.
        waiting, running: the part of it that the request waited for a thread, and that the
            application ran; None where no bridge measures them.
        curl: the command that asks the same.
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
        """Return the value of a header, several of them joined as RFC 9110 allows."""
        values = [value for field, value in self.headers if field.lower() == name.lower()]
        return ", ".join(values) if values else None

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON can say of it; times in seconds, ``size`` in bytes."""
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
    """Return a body as JSON can hold it: as it is, or in Base64 when it is no text in UTF-8.

    JSON would write six characters for a NUL.
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
        ValueError: it is none, or nested deeper than MAX_DEPTH. Deeper, the parser would raise
            RecursionError, and so would any finaliser that the garbage collector runs just then.
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
    """Write JSON compactly, letters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
