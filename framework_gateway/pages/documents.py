"""The OpenAPI documents that mounts serve."""

import asyncio
import json
import logging
import time
from collections.abc import Sequence
from typing import Any

from framework_gateway.compare.messages import NoAnswer, Request
from framework_gateway.compare.targets import Application

logger = logging.getLogger("framework_gateway")

PATH = "/openapi.json"  # FastAPI's default
MAX_SIZE = 10 * 1024 * 1024
KEPT = 30.0  # seconds; a mount may still be starting, so not for ever
TIMEOUT = 2.0  # seconds; the page does without the document of a mount that takes longer


class Documents:
    """The OpenAPI documents of the mounts, asked for again only after a while."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, Any]] = {}
        self._until = 0.0

    async def fetch(self, targets: Sequence[Application]) -> dict[str, dict[str, Any]]:
        """Ask every target at once; return the documents there are, by prefix."""
        if time.monotonic() >= self._until:
            found = await asyncio.gather(*map(fetch_document, targets))
            pairs = zip(targets, found, strict=True)
            self._found = {one.prefix: document for one, document in pairs if document is not None}
            self._until = time.monotonic() + KEPT
        return self._found


async def fetch_document(target: Application) -> dict[str, Any] | None:
    """Return the OpenAPI document of one target; None if it has none."""
    request = Request("GET", PATH, [("Accept", "application/json")])
    try:
        async with asyncio.timeout(TIMEOUT):
            answer = await target.answer(request, MAX_SIZE)
        document = json.loads(answer.body) if answer.status == 200 else None
    except (TimeoutError, NoAnswer, ValueError):
        return None
    # An application may raise anything; the page shows what the others have.
    except Exception:
        logger.warning("%s failed to serve %s", target.name, PATH, exc_info=True)
        return None
    return document if isinstance(document, dict) else None
