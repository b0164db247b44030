"""A WSGI application that computes without a pause, and never answers."""

from collections.abc import Callable, Iterable
from typing import Any


def app(_environ: dict[str, Any], _start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Compute until the process ends."""
    number = 0
    while True:
        number += 1
