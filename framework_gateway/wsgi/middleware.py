"""WSGI applications in an ASGI server, at the speed of a direct call.

A request is received completely, then waits for a thread of the mount's own. The thread calls
the application and leaves the answer to the event loop, as a whole where it is one, chunk by
chunk while it is still being produced.
"""

import asyncio
import logging
from collections.abc import Callable
from contextvars import Context
from typing import Any

import a2wsgi
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from framework_gateway.wsgi.bodies import BodyCutShort, receive_body
from framework_gateway.wsgi.environ import build_environ
from framework_gateway.wsgi.exchange import ROOM, ClientLeft, Exchange, WSGIError
from framework_gateway.wsgi.files import Closing
from framework_gateway.wsgi.stuck import GivenUp
from framework_gateway.wsgi.threads import Gauges, Pool, QueueFull, left_behind

logger = logging.getLogger("framework_gateway")

SWEEP = 0.25  # seconds between two looks at the requests that take their time
BUSY = {"Retry-After": "1"}
RECORD = "bridge.record"  # in a scope: what became of its request
READ = 256 * 1024  # bytes of a file at once
CLOSERS = 4  # threads that close files
LAST_WORDS = 1.0  # seconds that applications have to stop after they were told


class WSGIMiddleware(a2wsgi.WSGIMiddleware):
    """Mount a WSGI application into an ASGI one: ``Mount("/shop", WSGIMiddleware(shop))``.

    Its own errors are Starlette's HTTPException: 413 for a body over the limit, 503 with
    ``Retry-After`` when the queue is full. What the application raises before its first byte is
    raised on, so that the ASGI application around it answers 500; after it, the connection is cut.

    A caller finds at ``scope["bridge.record"]``, when the answer begins and again
    when it has ended, the seconds that the request was ``waiting`` for a thread and ``running`` in
    it, and the template of its ``route`` where the application says it.

    Args:
        app: the WSGI application.
        threads: how many requests run at once; threads are started when first needed.
        queue_size: how many more wait; beyond that they are shed.
        queue_timeout: seconds that a request waits for a thread before it is shed.
        max_body_size: bytes of the longest request body.
        grace: seconds that running requests get when the server stops.
    """

    def __init__(
        self,
        app: Any,
        *,
        threads: int = 64,
        queue_size: int = 1000,
        queue_timeout: float = 10.0,
        max_body_size: int = 10 * 1024 * 1024,
        grace: float = 10.0,
    ) -> None:
        super().__init__(app)
        self.threads = threads
        self.queue_size = queue_size
        self.queue_timeout = queue_timeout
        self.max_body_size = max_body_size
        self.grace = grace
        self._pool: Pool | None = None
        self._closers: Pool | None = None
        self._dropped: set[str] = set()
        self._open: dict[Exchange, Receive] = {}
        self._swept: Pool | None = None
        self._closing = False
        self._shed = self._abandoned = 0
        self._given_up = GivenUp()

    @property
    def gauges(self) -> Gauges:
        """What the mount is doing at the moment."""
        gauges = Gauges(shed=self._shed, abandoned=self._abandoned, stuck=self._given_up.stuck)
        if self._pool is not None:
            gauges.threads = len(self._pool.threads)
            gauges.busy, gauges.queued = self._pool.busy, self._pool.queued
        return gauges

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # type: ignore[override]
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)  # type: ignore[arg-type]

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._closing = False

        async def stop_first(message: Message) -> None:
            if message["type"] == "lifespan.shutdown.complete":
                await self.shutdown()
            await send(message)

        await super().__call__(scope, receive, stop_first)  # type: ignore[arg-type]

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body, length = await receive_body(scope, receive, self.max_body_size)
        except BodyCutShort:
            return
        record = scope.setdefault(RECORD, {})
        exchange = self._submit(build_environ(scope, body, length), record)
        self._open[exchange] = receive
        try:
            await self._respond(exchange, send)
        except ClientLeft:
            pass  # nobody is there to read the rest
        finally:
            self._forget(exchange)
            exchange.report()

    def _submit(self, environ: dict[str, Any], record: dict[str, Any]) -> Exchange:
        pool = self._pool
        if pool is None or pool.loop is not asyncio.get_running_loop():
            if pool is not None:
                pool.stop()
            pool = self._pool = Pool(self.threads, self.queue_size, "wsgi")
            self._closers = Pool(CLOSERS, 0, "wsgi-close")
        exchange = Exchange(self.app, environ, pool, record, self._dropped)
        try:
            if self._closing:
                raise QueueFull
            pool.submit(exchange)
        except QueueFull:
            self._shed += 1
            exchange.close_body()
            raise HTTPException(503, headers=BUSY) from None
        if self._swept is not pool:
            self._swept = pool
            self._sweep_later(pool)
        return exchange

    def _forget(self, exchange: Exchange) -> None:
        del self._open[exchange]
        if exchange.watcher is not None:
            exchange.watcher.cancel()
        if exchange.returned:
            exchange.close_body()
            if exchange.file is not None:
                self._close_file(exchange)
        else:
            self._give_up(exchange)
        # The exception's traceback refers to this exchange, which refers to the exception.
        exchange.error = None

    def _close_file(self, exchange: Exchange) -> None:
        """Close an answer's file, by threads that no request can keep."""
        if self._closers is not None and exchange.claim_close():
            self._closers.submit(Closing(exchange), bounded=False)

    # Requests that take their time: the quick ones, nearly all, never pay for this

    def _sweep_later(self, pool: Pool) -> None:
        # Without the context variables of the request that happens to begin it.
        pool.loop.call_later(SWEEP, self._sweep, pool, context=Context())

    def _sweep(self, pool: Pool) -> None:
        if not self._open and not self._given_up:
            self._swept = None
            return
        now = pool.loop.time()
        self._given_up.look(now)
        for exchange in [*self._open]:
            waited = now - exchange.submitted
            if waited > SWEEP / 2:
                self._watch_from_now(exchange)
            if waited > self.queue_timeout and exchange.pool.withdraw(exchange):
                exchange.expired = True
                exchange.notice()
        self._sweep_later(pool)

    def _watch_from_now(self, exchange: Exchange) -> None:
        """Learn it when the client leaves."""
        if exchange.watcher is None:
            watching = self._watch(exchange, self._open[exchange])
            exchange.watcher = asyncio.create_task(watching, context=exchange.context.copy())

    async def _watch(self, exchange: Exchange, receive: Receive) -> None:
        """Wait until the client leaves.

        There may be an empty body to receive before. A ``receive`` that says something else, such
        as the body once more, does not tell of it: middleware of many applications repeats itself.
        """
        try:
            for _ in range(2):
                if (await receive())["type"] == "http.disconnect":
                    return self._give_up(exchange)
        # Whatever other people's receive() raises: the request goes on.
        except Exception:
            logger.warning("%s: receive() failed", exchange, exc_info=True)

    def _give_up(self, exchange: Exchange) -> None:
        """Let go of a request; its thread, if it has one, is told and expected back."""
        if exchange.leave():
            self._abandoned += 1
            self._given_up.add(exchange, exchange.pool.loop.time())

    # The answer

    async def _respond(self, exchange: Exchange, send: Send) -> None:
        started = False
        while True:
            await exchange.news()
            # In this order: what is produced before the thread returns is taken below.
            done = exchange.returned
            data = exchange.take()
            if exchange.expired:
                self._shed += 1
                raise HTTPException(503, headers=BUSY)
            if exchange.gone:
                return
            if done and exchange.error is not None:
                raise exchange.error
            if not done and not data:
                continue
            if done and not started and len(data) <= ROOM and exchange.file is None:
                # Nearly every answer: complete, and small enough for the server to take at once.
                await send(exchange.start())
                await send({"type": "http.response.body", "body": data})
                return
            if not started:
                started = True
                self._watch_from_now(exchange)
                await send(exchange.start())
            if exchange.file is not None:
                return await self._send_file(exchange, send)
            await self._send_body(exchange, send, data, more_body=not done)
            if done:
                return

    async def _send_body(
        self, exchange: Exchange, send: Send, data: bytes, *, more_body: bool
    ) -> None:
        """Send in pieces, so that no more than one waits in the server for a slow reader."""
        for position in range(0, len(data), ROOM) or (0,):
            piece = data[position : position + ROOM]
            more = more_body or position + ROOM < len(data)
            await send({"type": "http.response.body", "body": piece, "more_body": more})
            exchange.make_room(len(piece))
            if exchange.gone:
                return

    async def _send_file(self, exchange: Exchange, send: Send) -> None:
        """Read and send a file; its thread is back at work long before a slow reader is done."""
        file = exchange.file
        assert file is not None
        left = 0 if exchange.is_bodiless else exchange.length
        while left != 0:
            size = READ if left is None else min(READ, left)
            data = await asyncio.to_thread(file.filelike.read, size)
            if not data:
                break
            left = None if left is None else left - len(data)
            await self._send_body(exchange, send, data, more_body=True)
            if exchange.gone:
                return
        if left:
            raise WSGIError(f"the file ended {left} bytes before its Content-Length")
        await send({"type": "http.response.body", "body": b""})

    # The end

    async def shutdown(self) -> None:
        """Take no new work, let running requests finish for ``grace`` seconds, tell the rest."""
        self._closing = True
        pool = self._pool
        if pool is None:
            return
        await wait_until(lambda: not self._open, self.grace)
        for exchange in [*self._open]:
            self._give_up(exchange)
            if exchange.returned:
                self._close_file(exchange)
        closers = self._closers
        assert closers is not None
        await wait_until(lambda: not pool.in_flight and not closers.in_flight, LAST_WORDS)
        if busy := pool.busy + closers.busy:
            left_behind["wsgi"] += busy
            logger.warning(
                "%d threads have not come back within %g s; the process ends all the same",
                busy,
                self.grace + LAST_WORDS,
            )
        pool.stop()
        closers.stop()
        self._pool = None


async def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    """Wait until the condition holds, or the time is over."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not condition() and loop.time() < deadline:
        await asyncio.sleep(0.01)
