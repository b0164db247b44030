"""Headers of requests and responses that a move looks at."""

from functools import lru_cache

from starlette.types import Scope

from framework_gateway.compare.credentials import HEADERS
from framework_gateway.compare.redaction import is_secret

MAX_NAME = 100  # bytes of a header's name
SECRETS = frozenset(name.encode() for name in HEADERS)


def has_credentials(scope: Scope) -> bool:
    """Return whether a request carries cookies or other credentials."""
    return "user" in scope or any(is_credential(name) for name, _ in scope["headers"])


def is_credential(name: bytes) -> bool:
    """Return whether a header carries credentials, by its name; a very long one may."""
    return len(name) > MAX_NAME or names_secret(name)


@lru_cache(maxsize=512)  # of at most 100 bytes each
def names_secret(name: bytes) -> bool:
    """Return whether a name is that of a credential, for examples as for shadows."""
    return name in SECRETS or is_secret(name.decode("latin-1"))


def add_vary(headers: list[tuple[bytes, bytes]], names: str) -> None:
    """Add what the field Vary does not name yet."""
    values = [value for name, value in headers if name.lower() == b"vary"]
    known = {one.strip().lower() for value in values for one in value.decode("latin-1").split(",")}
    if more := [one for one in names.split(", ") if one.lower() not in known]:
        headers.append((b"vary", ", ".join(more).encode()))
