"""The addresses of upstream servers."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

SCHEMES = ("http://", "https://", "unix:")
DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_SOCKET_PATH = 107  # bytes; sockaddr_un has 108 on Linux, of which one is NUL
BASE = re.compile(r"(/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)*/?")


class AddressError(ValueError):
    """The text is no address of a server."""


@dataclass(frozen=True)
class Address:
    """Where a server listens.

    Attributes:
        text: the address as given, which identifies it.
        host, port: of TCP; "" and 0 for a Unix socket.
        socket: the path of a Unix socket, or "".
        is_tls: whether the connection is encrypted.
        base: the path that comes before each request's path, without a slash at its end.
        authority: what ``Host`` names the server by default.
    """

    text: str
    host: str = ""
    port: int = 0
    socket: str = ""
    is_tls: bool = False
    base: str = ""
    authority: str = "localhost"


def parse_address(text: str) -> Address:
    """Parse ``http://host:port/base``, ``https://host`` or ``unix:/path/of.sock``.

    Raises:
        AddressError: it has another form.
    """
    text = text.strip()
    if text.startswith("unix:"):
        path = text.removeprefix("unix:").removeprefix("//")
        if not path.startswith("/") or "\x00" in path:
            raise AddressError(f"{text!r} is not of the form unix:/path/of.sock")
        if len(os.fsencode(path)) > MAX_SOCKET_PATH:
            raise AddressError(f"{text!r} is too long: use at most {MAX_SOCKET_PATH} bytes")
        return Address(text, socket=path)
    try:
        parts = urlsplit(text)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
    except ValueError as error:
        raise AddressError(f"{text!r} is not an address: {error}") from error
    if fault := find_fault(text, parts):
        raise AddressError(f"{text!r} is not an address: {fault}")
    base, host = parts.path.rstrip("/"), parts.hostname or ""
    return Address(text, host, port, "", parts.scheme == "https", base, parts.netloc)


def find_fault(text: str, parts: SplitResult) -> str | None:
    """Return why a URL cannot be the address of a server; None if it can."""
    if not text.isprintable():
        return "it has a control character"  # urlsplit() removes line breaks
    if parts.scheme not in DEFAULT_PORTS:
        return "it begins with none of " + ", ".join(SCHEMES)
    if not parts.hostname or not parts.netloc.isascii():
        return "it names no host in ASCII"
    if " " in parts.netloc:
        return "it has a space"
    if parts.username is not None:
        return "it contains credentials"
    if parts.query or parts.fragment:
        return "it has a query or a fragment"
    return None if BASE.fullmatch(parts.path) else "its path is not valid"


def addresses_in(application: Any) -> list[str] | None:
    """Return the addresses that a mount's application names; None if it names something else.

    Args:
        application: an address, several with commas between them, or a sequence of addresses.
    """
    if isinstance(application, str) and application.startswith(SCHEMES):
        return [part.strip() for part in application.split(",") if part.strip()]
    if isinstance(application, Sequence) and not isinstance(application, str | bytes):
        texts = [*application]
        is_named = all(isinstance(text, str) and text.startswith(SCHEMES) for text in texts)
        return texts if texts and is_named else None
    return None
