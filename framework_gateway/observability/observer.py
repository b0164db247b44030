"""The outermost middleware: request id, timeout, access log, metrics."""

import asyncio
import logging
import re
import secrets
from asyncio import current_task
from contextvars import ContextVar
from itertools import count
from time import perf_counter
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from framework_gateway.mounts.routing import TIMEOUT, Refuse
from framework_gateway.observability.access_log import AccessLog
from framework_gateway.observability.observed import FinishedRequest, ObservedRequest
from framework_gateway.security.headers import Header, SecurityHeaders
from framework_gateway.security.names import REQUEST_ID, header_names, replace_headers
from framework_gateway.wsgi.errors import means_client_left

if TYPE_CHECKING:
    from framework_gateway.observability.metrics import Metrics

logger = logging.getLogger("framework_gateway")

VALID_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})
TICK_INTERVAL = 0.1  # seconds between two checks for timeouts, and between two reports
BATCH_SIZE = 256  # finished requests that trigger a report before the next tick


class Observer:
    """The outermost ASGI middleware; every response passes through it, including errors.

    It keeps the client's X-Request-ID if that is 1-64 letters, digits, ``.``, ``_`` and ``-``, and
    replaces it otherwise. The application, the ContextVar and the response have the same id.

    It answers 500 to an exception before the response, and logs the exception. It passes an
    exception in the middle of a response to the server, which closes the connection.

    After ``timeout`` seconds without a response, it cancels the request and answers 504, even if
    the application ignores the cancellation. Bytes of the request body restart the timeout.

    Args:
        app: the application.
        request_id: receives the id of the current request.
        security: chooses the security headers of each response.
        metrics: counts the requests.
        refuse: renders an HTTPException, 500 or 504, if the application sends no response.
        timeout: seconds until a response must start.
        access_log: writes a line for each request.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        request_id: ContextVar[str],
        security: SecurityHeaders,
        metrics: "Metrics",
        refuse: Refuse,
        timeout: float,
        access_log: AccessLog | None = None,
    ) -> None:
        self.app = app
        self.request_id = request_id
        self.security = security
        self.metrics = metrics
        self.refuse = refuse
        self.timeout = timeout
        self.access_log = access_log
        # One random prefix and a counter give unique ids without a system call for each.
        form = b"%b%%06x" % secrets.token_hex(6).encode()
        self._ids = map(form.__mod__, count(1))
        self._open: set[ObservedRequest] = set()
        self._finished: list[FinishedRequest] = []
        self._batch = 1  # without a lifespan, no timer reports the requests
        self._loop: asyncio.AbstractEventLoop | None = None  # saves a lookup

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._run_lifespan(scope, receive, send)
        names = header_names(scope)
        if names.has_request_id:
            id_header = self._accept_request_id(scope)
        else:
            id_header = REQUEST_ID, next(self._ids)
            replace_headers(scope, [*scope["headers"], id_header], names)
        # Never reset, because the server may log an exception after this method returns.
        self.request_id.set(id_header[1].decode())
        task = current_task(self._loop)
        request = ObservedRequest(id_header, task, scope, receive, send, self.security)
        if request.method not in BODILESS:
            receive = request.receive
        self._open.add(request)
        try:
            await self.app(scope, receive, request.send)
        except BaseException as error:
            if means_client_left(error):
                pass  # no client to read the rest
            elif request.refusal is not None:
                if not isinstance(error, asyncio.CancelledError) or not request.uncancel():
                    raise
            elif is_fault(error) and request.is_http:
                await self._handle_error(request, error)
            else:
                request.status = request.status or 500  # the server answers 500
                raise
        finally:
            if request.refusal is not None:
                await request.refusal
            self._open.discard(request)
            self._finished.append(request.end())
            if len(self._finished) >= self._batch:
                self._report()

    def _accept_request_id(self, scope: Scope) -> Header:
        """Return the client's id header; replace it with a new one if it is invalid."""
        others = [header for header in scope["headers"] if header[0] != REQUEST_ID]
        given: list[Header] = [header for header in scope["headers"] if header[0] == REQUEST_ID]
        if len(given) == 1 and VALID_ID.fullmatch(given[0][1]):
            return given[0]
        new = REQUEST_ID, next(self._ids)
        scope["headers"] = [*others, new]
        return new

    # Work for many requests at once, which is ten times as fast as for each request

    def _report(self) -> None:
        """Count and log the finished requests."""
        if ended := self._finished:
            self._finished = []
            self.metrics.count(ended)
            if self.access_log is not None:
                self.access_log.write(ended)

    async def _run_lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._loop = asyncio.get_running_loop()
        self._batch = BATCH_SIZE
        self._tick(self._loop, self._loop.time())
        try:
            await self.app(scope, receive, send)
        finally:
            self._timer.cancel()
            self._loop = None
            self._batch = 1
            self._report()

    def _tick(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        """Update the metrics, check timeouts and report; late if something blocks the loop."""
        now = loop.time()
        self._timer = loop.call_at(now + TICK_INTERVAL, self._tick, loop, now + TICK_INTERVAL)
        self.metrics.update(now - due, len(self._open))
        self._sweep()
        self._report()

    def _sweep(self) -> None:
        """Cancel the requests that have timed out."""
        now = perf_counter()
        for request in self._open:
            if request.status or request.refusal is not None or request.task is None:
                continue
            late = now - request.idle_since > request.scope.get(TIMEOUT, self.timeout)
            if late and request.is_http:
                request.refusal = asyncio.create_task(self._time_out(request))
                request.task.cancel()

    async def _time_out(self, request: ObservedRequest) -> None:
        """Answer 504 at once; the application may take longer to react to the cancellation."""
        self.request_id.set(request.id_header[1].decode())
        timeout = request.scope.get(TIMEOUT, self.timeout)
        logger.error("%s %r: no response for %g s", request.method, request.path, timeout)
        await self._send_error(request, 504)

    async def _handle_error(self, request: ObservedRequest, error: BaseException) -> None:
        """Answer 500 and log the exception; raise it if a response is already incomplete.

        An exception makes the server close the connection, which may already carry the next
        request. So it is raised only to cut off an incomplete response.
        """
        if not request.has_begun:
            await self._send_error(request, 500)
        if request.has_begun and not request.ended:
            raise error
        logger.error("%s %r: unhandled exception", request.method, request.path, exc_info=error)

    async def _send_error(self, request: ObservedRequest, status: int) -> None:
        """Answer with an error, in place of the application."""
        response = await self.refuse(HTTPConnection(request.scope), HTTPException(status))
        await response(request.scope, request.receive, request.send)


def is_fault(error: BaseException) -> bool:
    """Return whether an application has raised this itself, SystemExit and its like included.

    A cancellation by the server is none.
    """
    task = asyncio.current_task()
    return isinstance(error, Exception) or task is None or not task.cancelling()
