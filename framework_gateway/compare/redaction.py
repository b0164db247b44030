"""Mask the secrets of requests and answers, for files that people send to each other.

``credentials`` masks the headers that carry credentials. This module also masks query parameters
and members of forms and JSON whose name says that they are a secret.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import unquote_plus

from framework_gateway.compare.credentials import HEADERS, MASK, mask
from framework_gateway.compare.messages import Request

SECRET = re.compile(
    "passw(or)?d|passphrase|secret|token|api[-_]?key|private[-_]?key|session|credential|signature"
    "|csrf|xsrf|^(auth|authorization|jwt|pwd|sid|otp|pin|cvc|cvv)$",
    re.IGNORECASE,
)
# A string of a JSON text and, if it is a member's name, the member's scalar value. The text is
# not parsed, so that numbers and the order of members stay as they are.
MEMBER = re.compile(
    rb'"((?:[^"\\]|\\.)*+)"(?:(\s*+:\s*+)("(?:[^"\\]|\\.)*+"|-?[0-9][0-9.eE+-]*+))?+', re.DOTALL
)


def is_secret(name: str) -> bool:
    """Return whether a header, parameter or member of this name is a secret."""
    return bool(SECRET.search(name))


def without_secrets(request: Request) -> Request:
    """Return the request without headers that carry credentials, and with other secrets masked.

    A masked header would be sent as a wrong credential, so such headers are left out.
    """
    content_type = next((v for k, v in request.headers if k.lower() == "content-type"), "")
    headers = tuple(
        (name, value)
        for name, value in request.headers
        if name.lower() not in HEADERS and not is_secret(name)
    )
    body = redact_body(request.body, content_type)
    return replace(request, path=redact_path(request.path), headers=headers, body=body)


def redact_headers(headers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return headers with masked credentials; the value of Location may have a secret query."""
    return [
        (name, MASK if is_secret(name) and name.lower() not in HEADERS else redacted(name, value))
        for name, value in headers
    ]


def redacted(name: str, value: str) -> str:
    """Return the value of a header, with secrets masked."""
    return redact_path(value) if name.lower() in ("location", "referer") else mask(name, value)


def redact_path(path: str) -> str:
    """Return a path or a URL with the secret parameters of its query masked."""
    start, question, query = path.partition("?")
    return start + question + redact_form(query)


def redact_form(text: str) -> str:
    """Return a query or an encoded form with its secret fields masked; the others stay as is."""
    return "&".join(
        f"{pair.partition('=')[0]}={MASK}"
        if "=" in pair and is_secret(unquote_plus(pair.partition("=")[0]))
        else pair
        for pair in text.split("&")
    )


def redact_body(body: bytes, content_type: str) -> bytes:
    """Return a body with secret members masked; all other bytes stay as they are."""
    if "x-www-form-urlencoded" in content_type:
        return redact_form(body.decode(errors="surrogateescape")).encode(errors="surrogateescape")
    return MEMBER.sub(masked_member, body)


def masked_member(found: re.Match[bytes]) -> bytes:
    """Return a string of JSON text; if it is the name of a secret, with its value masked."""
    name, colon, _ = found.groups()
    if colon is None or not is_secret(name.decode(errors="replace")):
        return found[0]
    return b'"%s"%s"%s"' % (name, colon, MASK.encode())
