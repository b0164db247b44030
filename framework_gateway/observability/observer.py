"""What every request passes first and last: its id, its deadline, and a note of its end."""

import asyncio
import logging
import re
import secrets
from asyncio import current_task
from contextvars import ContextVar
from itertools import count
from time import perf_counter

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from framework_gateway.mounts.mount import Refuse
from framework_gateway.observability.access_log import AccessLog
from framework_gateway.observability.metrics import Metrics
from framework_gateway.observability.observed import REQUEST_ID, Ended, Observed
from framework_gateway.security.headers import Header, SecurityHeaders
from framework_gateway.wsgi.exchange import is_about_leaving

logger = logging.getLogger("framework_gateway")

TOKEN = re.compile(rb"[A-Za-z0-9._-]{1,64}")
BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})
TICK = 0.1  # seconds between two looks at the requests, and until one that has ended is told of
BATCH = 256  # requests that are told of at once, at most


class Observer:
    """ASGI middleware around everything else: every answer goes through it, errors included.

    A client's X-Request-ID is taken over when it is 1-64 letters, digits, ``.``, ``_`` and ``-``,
    else replaced; the application, the ContextVar and the answer get the same. An exception before
    an answer is answered 500 and logged; one that cuts an answer off is raised on to the server.

    A request without an answer after ``timeout`` seconds is cancelled and answered 504, whether or
    not its application lets itself be cancelled; bytes of its body that arrive begin the time anew.

    Args:
        app: the application.
        request_id: where the id of the request that is served can be read.
        security: knows what headers each answer is to have.
        metrics: counts the requests.
        refuse: renders the HTTPException, 500 or 504, of what the application has not answered.
        timeout: seconds until an answer must have begun.
        access_log: gets a line for each request.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        request_id: ContextVar[str],
        security: SecurityHeaders,
        metrics: Metrics,
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
        # Unique without a call of the system for each: random once, then counted.
        form = b"%b%%06x" % secrets.token_hex(6).encode()
        self._ids = map(form.__mod__, count(1))
        self._open: set[Observed] = set()
        self._ended: list[Ended] = []
        self._batch = 1  # nobody looks after those that wait until the lifespan begins
        self._loop: asyncio.AbstractEventLoop | None = None  # known, it need not be looked up

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._live(scope, receive, send)
        for name, _ in scope["headers"]:
            if name == REQUEST_ID:
                id_header = self._take_over(scope)
                break
        else:
            id_header = REQUEST_ID, next(self._ids)
            scope["headers"] = [*scope["headers"], id_header]
        # Not reset at the end: the server may log an application's exception after this returns.
        self.request_id.set(id_header[1].decode())
        task = current_task(self._loop)
        request = Observed(id_header, task, scope, receive, send, self.security)
        if request.method not in BODILESS:
            receive = request.receive
        self._open.add(request)
        try:
            await self.app(scope, receive, request.send)
        except BaseException as error:
            if is_about_leaving(error):
                pass  # nobody is there to read the rest
            elif request.refusal is not None:
                if not isinstance(error, asyncio.CancelledError) or not request.forgive():
                    raise
            elif isinstance(error, Exception) and scope["type"] == "http":
                await self._answer_for(request, error)
            else:
                request.status = request.status or 500  # of the server's own, for what is left
                raise
        finally:
            if request.refusal is not None:
                await request.refusal
            self._open.discard(request)
            self._ended.append(request.end())
            if len(self._ended) >= self._batch:
                self._tell()

    def _take_over(self, scope: Scope) -> Header:
        """Return the client's id; a new one, in its place, where that is none."""
        others = [header for header in scope["headers"] if header[0] != REQUEST_ID]
        given: list[Header] = [header for header in scope["headers"] if header[0] == REQUEST_ID]
        if len(given) == 1 and TOKEN.fullmatch(given[0][1]):
            return given[0]
        made = REQUEST_ID, next(self._ids)
        scope["headers"] = [*others, made]
        return made

    # Beside the requests, for many at once: ten times as quick as one here and one there

    def _tell(self) -> None:
        """Count and write down the requests that have ended."""
        if ended := self._ended:
            self._ended = []
            self.metrics.count(ended)
            if self.access_log is not None:
                self.access_log.write(ended)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._loop = asyncio.get_running_loop()
        self._batch = BATCH
        self._tick(self._loop, self._loop.time())
        try:
            await self.app(scope, receive, send)
        finally:
            self._timer.cancel()
            self._loop = None
            self._batch = 1
            self._tell()

    def _tick(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        """Do what is done for all requests at once; late when something blocks the loop."""
        now = loop.time()
        self._timer = loop.call_at(now + TICK, self._tick, loop, now + TICK)
        self.metrics.watch(now - due, len(self._open))
        self._sweep()
        self._tell()

    def _sweep(self) -> None:
        """Refuse the requests whose time is over."""
        late = perf_counter() - self.timeout
        for request in self._open:
            overdue = request.since < late and not request.status and request.refusal is None
            if overdue and request.scope["type"] == "http" and request.task is not None:
                request.refusal = asyncio.create_task(self._give_up(request))
                request.task.cancel()

    async def _give_up(self, request: Observed) -> None:
        """Answer 504; the application may take its time to notice that it was cancelled."""
        self.request_id.set(request.id_header[1].decode())
        logger.error("%s %r: no answer for %g s", request.method, request.path, self.timeout)
        await self._answer(request, 504)

    async def _answer_for(self, request: Observed, error: Exception) -> None:
        """Answer 500 where nothing has been, and log the exception, or raise it for the server.

        The server would close the connection, on which the next request may be on its way: right
        only for an answer that is cut off.
        """
        if not request.has_begun:
            await self._answer(request, 500)
        if request.has_begun and not request.ended:
            raise error
        logger.error("%s %r: unforeseen error", request.method, request.path, exc_info=error)

    async def _answer(self, request: Observed, status: int) -> None:
        """Answer in the application's place."""
        response = await self.refuse(HTTPConnection(request.scope), HTTPException(status))
        await response(request.scope, request.receive, request.send)
