"""Ask the new application for an answer that the old one can still replace."""

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum

from starlette.exceptions import HTTPException
from starlette.types import Message, Send

from framework_gateway.mounts.mount import Mount
from framework_gateway.wsgi.errors import ClientLeft, means_client_left

Call = Callable[[], Awaitable[None]]

HEAD_WAIT = 0.25  # seconds that a head waits for the body
# What an application may raise in a request; not GeneratorExit, which ends a coroutine.
RAISED = (Exception, asyncio.CancelledError, SystemExit, KeyboardInterrupt)
QUEUE_FULL = "connection_limit_reached"  # the error type of Proxy-Status (RFC 9209, 2.3.13)


class Outcome(StrEnum):
    """How an application has answered, for the breaker and the evidence."""

    SUCCESS = "success"
    FAILURE = "failure"  # the application's own: 5xx, an exception, a timeout, no connection
    GATEWAY = "gateway"  # the gateway's: the queue of the mount was full
    LEFT = "left"  # the client left


class Exited(Exception):
    """An application has raised SystemExit or the like; the message names it."""


class Attempt:
    """One answer of the new application, whose head waits until it has begun to send the body.

    Until then, an application that fails has sent nothing to the client. An event stream may send
    its head long before its first event, so the head does not wait for long.

    Args:
        send: the ``send`` of the server.

    Attributes:
        outcome: how it ended.
        reason: why it has failed, as one line.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._head: Message | None = None
        loop = asyncio.get_running_loop()
        self._begun: asyncio.Future[None] = loop.create_future()  # the head has come, or never will
        self._decided: asyncio.Future[bool] = loop.create_future()  # whether the client gets it
        self._order = asyncio.Lock()  # the head comes before the body
        self._is_given_up = False
        self.outcome = Outcome.SUCCESS
        self.reason = ""

    async def send(self, message: Message) -> None:
        """Hold the head; refuse a response that means a failure."""
        if self._is_given_up:
            raise ClientLeft
        if message["type"] == "http.response.start" and not self._begun.done():
            if message["status"] >= 500:
                self._give_up(f"status {message['status']}")
                raise ClientLeft
            self._head = message
            return self._begun.set_result(None)
        await self._release()
        await self._send(message)

    async def _release(self) -> None:
        """Send the head, unless that has been done."""
        async with self._order:
            if self._head is not None:
                head, self._head = self._head, None
                self._decide(True)
                await self._send(head)

    def _decide(self, has_passed: bool) -> None:
        if not self._begun.done():
            self._begun.set_result(None)
        if not self._decided.done():
            self._decided.set_result(has_passed)

    def _give_up(self, reason: str, outcome: Outcome = Outcome.FAILURE) -> None:
        self._is_given_up = True
        self.outcome, self.reason = outcome, reason
        self._decide(False)

    async def run(self, mount: Mount, call: Call, timeout: float) -> bool:
        """Let the new application answer.

        Args:
            mount: the new application.
            call: calls the application with ``send`` of this object.
            timeout: seconds until its answer must begin.

        Returns:
            Whether it has answered; false if the old application may.

        Raises:
            HTTPException: the request is at fault, such as 413.
            Exception: the application failed in the middle of its answer.
        """
        task = asyncio.create_task(contained(call))
        task.add_done_callback(lambda _task: self._decide(False))
        try:
            await asyncio.wait([self._begun], timeout=timeout)
            if self._begun.done():
                await asyncio.wait([self._decided], timeout=HEAD_WAIT)
                if not self._decided.done():
                    await self._release()
        # The request has ended, or the head could not be sent because the client has left.
        except BaseException:
            task.add_done_callback(forget)
            task.cancel()
            raise
        if self._decided.done() and self._decided.result():
            await task
            return True
        if not self._is_given_up and not task.done():
            self._give_up(f"no answer within {timeout:g} s")
        if not task.done():
            # Not awaited: an application may ignore its cancellation.
            task.add_done_callback(forget)
            task.cancel()
            return False
        return self._judge(mount, task)

    def _judge(self, mount: Mount, task: asyncio.Task[None]) -> bool:
        """Judge a call that has ended before its answer began."""
        error = None if task.cancelled() else task.exception()
        if self._is_given_up:
            return False
        if isinstance(error, HTTPException) and error.status_code < 500:
            raise error
        if means_client_left(error):
            self._give_up("the client has left", Outcome.LEFT)
            return False
        outcome = Outcome.GATEWAY if is_own_fault(error, mount) else Outcome.FAILURE
        self._give_up(reason_of(error, mount), outcome)
        return False


def is_own_fault(error: BaseException | None, mount: Mount) -> bool:
    """Return whether the gateway itself has refused a request, because too many are open."""
    if not isinstance(error, HTTPException) or error.status_code != 503 or mount.failure:
        return False
    proxy_status = (error.headers or {}).get("Proxy-Status")
    return proxy_status is None or QUEUE_FULL in proxy_status


def reason_of(error: BaseException | None, mount: Mount) -> str:
    """Return why an application has not answered, as one line without data of the request."""
    if mount.failure:
        return mount.failure
    if isinstance(error, HTTPException):
        return f"status {error.status_code}"
    if error is None:
        return "no complete answer"
    return f"{error if isinstance(error, Exited) else type(error).__name__} was raised"


async def contained(call: Call) -> None:
    """Call an application in a task of its own.

    Raises:
        Exited: in place of SystemExit, which would end the event loop.
    """
    try:
        await call()
    except (SystemExit, KeyboardInterrupt) as error:
        raise Exited(type(error).__name__) from error


def forget(task: asyncio.Task[None]) -> None:
    """Take the exception of a task that nobody waits for."""
    if not task.cancelled():
        task.exception()
