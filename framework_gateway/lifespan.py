"""The lifespan of a gateway: start its applications, and stop them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from typing import TYPE_CHECKING

from framework_gateway.mounts.starting import run_lifespans

if TYPE_CHECKING:
    from framework_gateway.app import Gateway

START_WAIT = 3.0  # seconds to wait for applications to start before the gateway serves the others


class StartFailed(Exception):
    """An application could not be loaded or started, and the setting ``fail_fast`` is on."""


@asynccontextmanager
async def lifespan(gateway: "Gateway") -> AsyncIterator[None]:
    """Run the applications, the moves and the tracing of a gateway, as Starlette asks for it.

    Raises:
        StartFailed: an application has failed, and the setting ``fail_fast`` is on.
    """
    config = gateway.config
    wait = None if config.fail_fast else START_WAIT
    async with (
        run_lifespans(gateway.mounts, wait) as gateway.starts,
        gateway.tracing or nullcontext(),
        AsyncExitStack() as stack,
    ):
        if config.fail_fast and (failures := gateway.failures):
            raise StartFailed("; ".join(failures.values()))
        if gateway.at_start is not None:
            await asyncio.to_thread(gateway.at_start)
        for control in gateway.controls:
            await stack.enter_async_context(control.running())
        gateway.is_running = True
        try:
            yield
        finally:
            gateway.is_running = False
