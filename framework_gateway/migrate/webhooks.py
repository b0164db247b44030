"""Tell another service that a breaker has opened."""

import asyncio
import logging
from contextvars import Context
from typing import Any

import httpx2 as httpx

logger = logging.getLogger("framework_gateway")

TIMEOUT = 5.0  # seconds for an attempt
PAUSES = (1.0, 5.0)  # seconds between attempts
MAX_WAITING = 20  # messages; further ones are dropped


class Webhook:
    """Sends JSON messages to an address.

    Args:
        url: the address; None to send nothing.
    """

    def __init__(self, url: str | None) -> None:
        self.url = url
        self._tasks: set[asyncio.Task[None]] = set()

    def send(self, message: dict[str, Any]) -> None:
        """Send a message in the background."""
        if self.url is None:
            return
        if len(self._tasks) >= MAX_WAITING:
            logger.error("A message for the webhook was dropped: too many are waiting")
            return
        task = asyncio.create_task(self._deliver(self.url, message), context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, url: str, message: dict[str, Any]) -> None:
        reason = ""
        async with httpx.AsyncClient(timeout=TIMEOUT, trust_env=False) as client:
            for pause in (*PAUSES, None):
                try:
                    response = await client.post(url, json=message)
                    if response.is_success:
                        return
                    reason = f"status {response.status_code}"
                except httpx.HTTPError as error:
                    reason = type(error).__name__
                if pause is not None:
                    # The pause between two attempts.
                    await asyncio.sleep(pause)
        logger.error("The webhook did not take a message: %s", reason)

    async def close(self) -> None:
        """Stop; what has not been sent is lost, but the state has it."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
