"""What the OpenAPI documents of the mounts say."""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from anyio import to_thread

from framework_gateway.compare.messages import NoAnswer, Request
from framework_gateway.compare.targets import Application

logger = logging.getLogger("framework_gateway")

PATH = "/openapi.json"  # FastAPI's default
MAX_SIZE = 10 * 1024 * 1024
KEPT = 30.0  # seconds; a mount may still be starting, so not for ever
TIMEOUT = 2.0  # seconds; the page does without the document of a mount that takes longer

Found = list[dict[str, Any]]


class Documents:
    """What the OpenAPI documents of the mounts say, asked for again only after a while.

    Args:
        read: returns what the pages need of the documents, by prefix. It runs in a thread: a large
            document takes seconds.
    """

    def __init__(self, read: Callable[[Mapping[str, dict[str, Any]]], Found]) -> None:
        self.read = read
        self._found: Found = []
        self._until = 0.0

    async def fetch(self, targets: Sequence[Application]) -> Found:
        """Ask every target at once for its document; return what they say."""
        if time.monotonic() >= self._until:
            texts = await asyncio.gather(*map(fetch_text, targets))
            prefixes = [target.prefix for target in targets]
            pairs = dict(zip(prefixes, texts, strict=True))
            self._found = await to_thread.run_sync(self._read_texts, pairs)
            self._until = time.monotonic() + KEPT
        return self._found

    def _read_texts(self, texts: Mapping[str, bytes]) -> Found:
        documents = {prefix: parse(text) for prefix, text in texts.items()}
        return self.read({prefix: one for prefix, one in documents.items() if one is not None})


async def fetch_text(target: Application) -> bytes:
    """Return the OpenAPI document of one target; nothing if it has none."""
    request = Request("GET", PATH, [("Accept", "application/json")])
    try:
        async with asyncio.timeout(TIMEOUT):
            answer = await target.answer(request, MAX_SIZE)
    except (TimeoutError, NoAnswer):
        return b""
    # An application may raise anything; the page shows what the others have.
    except Exception:
        logger.warning("%s failed to serve %s", target.name, PATH, exc_info=True)
        return b""
    return answer.body if answer.status == 200 else b""


def parse(text: bytes) -> dict[str, Any] | None:
    """Return a JSON object; None for anything else, or if it is nested too deeply."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
