"""What the bytes of a body are: JSON, JSON lines, text or binary data."""

import codecs
import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from framework_gateway.compare.json_values import parse_json

JSON_TYPE = re.compile(r"(application|text)/([\w.+-]*\+)?json")
LINES_TYPES = frozenset(
    ["application/x-ndjson", "application/ndjson", "application/jsonl", "application/jsonlines"]
)
CHARSET = re.compile(r""";\s*charset\s*=\s*["']?([\w.:-]{1,40})""", re.IGNORECASE)
# Control characters that no text has. Escape sequences (ESC) colour the text of some logs.
UNPRINTABLE = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")


class Form(StrEnum):
    """What a body is."""

    EMPTY = "empty"
    JSON = "JSON"
    LINES = "JSON lines"  # one JSON value in each line
    TEXT = "text"
    BINARY = "binary"


@dataclass(frozen=True)
class Content:
    """A body, read.

    Attributes:
        media_type: without parameters, in lower case; empty if there is none.
        charset: how the text was decoded.
        text: the text; None for binary data, which includes text that is not valid in its charset.
        value: the parsed value of JSON; of JSON lines, a list. Numbers are ``Number`` objects.
    """

    form: Form
    media_type: str = ""
    charset: str = "utf-8"
    text: str | None = None
    value: Any = None


def read_content(body: bytes, content_type: str | None) -> Content:
    """Read a body, which has no content coding any more."""
    media_type = (content_type or "").partition(";")[0].strip().lower()
    charset = charset_of(content_type)
    if not body:
        return Content(Form.EMPTY, media_type, charset)
    text = decode(body, charset)
    if text is None:
        return Content(Form.BINARY, media_type, charset)
    form, value = parse(text, media_type)
    return Content(form, media_type, charset, text, value)


def charset_of(content_type: str | None) -> str:
    """Return the charset of a Content-Type; UTF-8 unless it names another one."""
    found = CHARSET.search(content_type or "")
    return found[1].lower() if found else "utf-8"


def decode(body: bytes, charset: str) -> str | None:
    """Decode a body; None if it is not text in this charset."""
    try:
        # Only what Python itself calls a text encoding, so not "zlib" or "hex".
        if not codecs.lookup(charset)._is_text_encoding:
            return None
        text = body.decode(charset)
    except (UnicodeError, LookupError, ValueError):
        return None
    return None if UNPRINTABLE.search(text) else text


def parse(text: str, media_type: str) -> tuple[Form, Any]:
    """Return whether a text is JSON or JSON lines, and its value.

    A text with another media type is JSON only if it looks like an object or an array.
    """
    declared = not media_type or JSON_TYPE.fullmatch(media_type) or media_type in LINES_TYPES
    if not declared and text.lstrip()[:1] not in ("{", "["):
        return Form.TEXT, None
    if media_type not in LINES_TYPES:
        try:
            return Form.JSON, parse_json(text)
        except ValueError:
            if "\n" not in text.strip():
                return Form.TEXT, None
    try:
        # Not splitlines(): a string may contain other line separators.
        return Form.LINES, [parse_json(line) for line in text.split("\n") if line.strip()]
    except ValueError:
        return Form.TEXT, None


def describe(body: bytes, start: int) -> str:
    """Describe binary data: its size, its digest, and the bytes from a position in hex."""
    digest = hashlib.sha256(body).hexdigest()[:16]
    shown = body[start : start + 16].hex(" ") or "end"
    size = f"{len(body)} byte" + ("" if len(body) == 1 else "s")
    return f"{size}, sha256 {digest}…, at byte {start}: {shown}"


def visible(texts: Mapping[str, str]) -> dict[str, str]:
    """Return texts that can be told apart: with escapes if they would look the same.

    Half a surrogate pair, which no encoding can write, always becomes an escape.
    """
    if all(text.isascii() and text.isprintable() for text in texts.values()):
        return dict(texts)
    if len({look_of(text) for text in texts.values()}) < len({*texts.values()}):
        return {target: escape_text(text) for target, text in texts.items()}
    return {
        target: text.encode(errors="backslashreplace").decode() for target, text in texts.items()
    }


def look_of(text: str) -> str:
    """Return a text without what a reader cannot see."""
    plain = unicodedata.normalize("NFKC", text)
    return "".join(char for char in plain if char.isprintable())


def escape_text(text: str) -> str:
    """Return a text in ASCII, with escapes as in JSON."""
    return "".join(
        char if char.isascii() and char.isprintable() else json.dumps(char)[1:-1] for char in text
    )
