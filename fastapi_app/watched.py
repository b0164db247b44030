"""Background tasks that start again whenever they end."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

logger = logging.getLogger("fastapi_app")

FIRST_DELAY, LONGEST_DELAY = 1.0, 30.0  # seconds until a task starts again
RESET_AFTER = 60.0  # seconds of running that reset the delay


class WatchedTask:
    """Runs a function that is meant to run for ever, and runs it again whenever it ends.

    Args:
        name: what the log calls the task.
        function: it may set ``fault`` while it waits for something.
        expected: errors after which it starts again at the first delay, such as those of a database
            that is down. They are logged once, without a traceback; before the task has ever
            worked only as information, because the start reports a database that cannot be used.

    Attributes:
        fault: why the task does not do its work now, as one line; None if it does.
        restarts: how many times the task has ended.
    """

    def __init__(
        self,
        name: str,
        function: Callable[[], Awaitable[object]],
        expected: tuple[type[Exception], ...] = (),
    ) -> None:
        self.name = name
        self.function = function
        self.expected = expected
        self.fault: str | None = None
        self.restarts = 0
        self._has_worked = False
        self._delay = 0.0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the task until the block ends."""
        watch = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)

    def works(self) -> None:
        """Note that the task does its work; the function calls this."""
        if self.fault is not None and self.restarts:
            logger.warning("%s works again", self.name)
        self.fault = None
        self._has_worked = True

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            task = asyncio.create_task(self._run())
            try:
                # Not await: somebody else may cancel the task, and the watch must go on.
                await asyncio.wait([task])
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            if loop.time() - started > RESET_AFTER:
                self._delay = 0.0
            self._tell(asyncio.CancelledError() if task.cancelled() else task.result())
            # The back-off: what ended it may end it again.
            await asyncio.sleep(self._delay)

    async def _run(self) -> BaseException | None:
        """Run the function once; return what it raised."""
        try:
            await self.function()
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # SystemExit in a task would end the event loop
            return error
        return None

    def _tell(self, error: BaseException | None) -> None:
        self.restarts += 1
        if isinstance(error, self.expected):
            if self.fault is None or self.restarts == 1:
                level = logging.WARNING if self._has_worked else logging.INFO
                logger.log(level, "%s waits: %s", self.name, error)
            self._delay = FIRST_DELAY
        else:
            self._delay = min(2 * self._delay, LONGEST_DELAY) or FIRST_DELAY
            logger.error("%s ended; restart in %g s", self.name, self._delay, exc_info=error)
        self.fault = f"{self.name} has ended ({type(error).__name__}); see the log"
