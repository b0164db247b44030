"""A WSGI application that computes without a pause."""

import time
from collections.abc import Callable, Iterable
from typing import Any

SECONDS = 20  # longer than a measurement


def app(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Compute, then answer."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        pass
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"done"]
