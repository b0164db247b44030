"""Send the same request to both servers, and compare the answers."""

import re
from collections.abc import Callable
from typing import Any

import httpx2 as httpx

from tests.applications.environment import HOST, Addresses
from tests.wsgi.server import PATIENCE

# Set by each server itself.
OF_THE_SERVER = {"server", "date", "connection", "keep-alive", "transfer-encoding"}
# Added by the gateway.
OF_THE_GATEWAY = {"x-request-id", "server-timing", "x-content-type-options", "referrer-policy"}

Clean = Callable[[bytes], bytes]


def unchanged(body: bytes) -> bytes:
    return body


def replacing(*patterns: str) -> Clean:
    """Return a function that replaces what an application draws anew for each answer."""

    def clean(body: bytes) -> bytes:
        for pattern in patterns:
            body = re.sub(pattern.encode(), b"...", body)
        return body

    return clean


def headers_of(answer: httpx.Response, but: set[str]) -> list[tuple[str, str]]:
    """Return the headers that are compared; the methods of ``Allow`` have no order."""
    return sorted(
        (name, ", ".join(sorted(value.split(", "))) if name == "allow" else value)
        for name, value in answer.headers.multi_items()
        if name not in OF_THE_SERVER | OF_THE_GATEWAY | but
    )


def both_answers(
    addresses: Addresses, method: str, path: str, **options: Any
) -> tuple[httpx.Response, httpx.Response]:
    """Send a request to the mount and to the usual server."""
    headers = {"Host": HOST, "Accept-Encoding": "identity", **options.pop("headers", {})}
    mount, usual = (
        httpx.request(method, address + path, headers=headers, timeout=PATIENCE, **options)
        for address in (addresses.gateway, addresses.usual)
    )
    return mount, usual


def assert_alike(
    addresses: Addresses,
    method: str,
    path: str,
    *,
    clean: Clean = unchanged,
    but: set[str] | None = None,
    **options: Any,
) -> httpx.Response:
    """Check that a request gets equal answers, and return the gateway's.

    Args:
        clean: replaces what differs in bodies from answer to answer.
        but: names of headers in lower case whose values differ from answer to answer.
        options: arguments of ``httpx.request``.
    """
    mount, usual = both_answers(addresses, method, path, **options)
    but = but or set()
    if not all("content-length" in answer.headers for answer in (mount, usual)):
        but = but | {"content-length"}  # a server may send chunks instead; the bodies are compared
    assert mount.status_code == usual.status_code
    assert headers_of(mount, but) == headers_of(usual, but)
    assert clean(mount.content) == clean(usual.content)
    return mount
