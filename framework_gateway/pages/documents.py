"""The OpenAPI documents that mounts serve."""

import asyncio
import json
import logging
from collections.abc import Sequence
from typing import Any

from framework_gateway.compare.messages import NoAnswer, Request
from framework_gateway.compare.targets import Application

logger = logging.getLogger("framework_gateway")

PATH = "/openapi.json"  # FastAPI's default
MAX_SIZE = 10 * 1024 * 1024
TIMEOUT = 2.0  # seconds; the page does without the document of a mount that takes longer


async def fetch_documents(targets: Sequence[Application]) -> dict[str, dict[str, Any]]:
    """Ask every target for its OpenAPI document at once; return those there are, by prefix."""
    found = await asyncio.gather(*map(fetch_document, targets))
    return {
        target.prefix: document
        for target, document in zip(targets, found, strict=True)
        if document is not None
    }


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
