"""Serve a WSGI application from an ASGI server, almost as fast as a direct call.

The middleware receives a request completely and queues it for the threads of the mount. A thread
calls the application. The event loop sends the response, at once if it is complete, otherwise
chunk by chunk.
"""

import asyncio
import logging
from collections.abc import Callable
from contextvars import Context
from typing import Any

import a2wsgi
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from framework_gateway.wsgi.bodies import IncompleteBody, receive_body
from framework_gateway.wsgi.environ import build_environ
from framework_gateway.wsgi.errors import ClientLeft, WSGIError
from framework_gateway.wsgi.exchange import MAX_UNSENT, Exchange
from framework_gateway.wsgi.files import CloseJob
from framework_gateway.wsgi.stuck import AbandonedRequests
from framework_gateway.wsgi.threads import Gauges, Pool, QueueFull, threads_left_running

logger = logging.getLogger("framework_gateway")

SWEEP_INTERVAL = 0.25  # seconds between two checks of slow requests
BUSY_HEADERS = {"Retry-After": "1"}
RECORD = "bridge.record"  # scope key: times and route of the request
READ_SIZE = 256 * 1024  # bytes of a file in one read
CLOSE_THREADS = 4  # threads that close files
RETURN_TIMEOUT = 1.0  # seconds for threads to return after their requests were abandoned


class WSGIMiddleware(a2wsgi.WSGIMiddleware):
    """Mount a WSGI application into an ASGI one: ``Mount("/shop", WSGIMiddleware(shop))``.

    It raises Starlette's HTTPException: 413 for a body over the limit, 503 with ``Retry-After``
    when the queue is full. Exceptions of the application pass through. Before the first byte, the
    surrounding ASGI application can answer 500; after it, the server closes the connection.

    ``scope["bridge.record"]`` holds the seconds that the request was ``waiting`` for a thread and
    ``running`` in it, and the template of its ``route`` if the application provides one. It is
    up to date when the response starts, and again when it has ended.

    Args:
        app: the WSGI application.
        threads: requests that run at once; threads are started when first needed.
        queue_size: requests that may wait for a thread; further ones are refused (shed).
        queue_timeout: seconds that a request may wait for a thread before it is shed.
        max_body_size: the largest request body in bytes.
        grace: seconds for running requests to finish when the server stops.
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
        self._close_pool: Pool | None = None
        self._dropped: set[str] = set()
        self._open: dict[Exchange, Receive] = {}
        self._swept_pool: Pool | None = None
        self._stopping = False
        self._shed = self._abandoned = 0
        self._abandoned_requests = AbandonedRequests()

    @property
    def gauges(self) -> Gauges:
        """The current state of the mount."""
        gauges = Gauges(
            shed=self._shed, abandoned=self._abandoned, stuck=self._abandoned_requests.stuck
        )
        if self._pool is not None:
            gauges.threads = len(self._pool.threads)
            gauges.busy, gauges.queued = self._pool.busy, self._pool.queued
        return gauges

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # type: ignore[override]
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._run_lifespan(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)  # type: ignore[arg-type]

    async def _run_lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._stopping = False

        async def stop_first(message: Message) -> None:
            if message["type"] == "lifespan.shutdown.complete":
                await self.shutdown()
            await send(message)

        await super().__call__(scope, receive, stop_first)  # type: ignore[arg-type]

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body, length = await receive_body(scope, receive, self.max_body_size)
        except IncompleteBody:
            return
        record = scope.setdefault(RECORD, {})
        exchange = self._submit(build_environ(scope, body, length), record)
        self._open[exchange] = receive
        try:
            await self._respond(exchange, send)
        except ClientLeft:
            pass  # no client to read the rest
        finally:
            self._finish(exchange)
            exchange.record_times()

    def _submit(self, environ: dict[str, Any], record: dict[str, Any]) -> Exchange:
        pool = self._pool
        if pool is None or pool.loop is not asyncio.get_running_loop():
            if pool is not None:
                pool.stop()
            pool = self._pool = Pool(self.threads, self.queue_size, "wsgi")
            self._close_pool = Pool(CLOSE_THREADS, 0, "wsgi-close")
        exchange = Exchange(self.app, environ, pool, record, self._dropped)
        try:
            if self._stopping:
                raise QueueFull
            pool.submit(exchange)
        except QueueFull:
            self._shed += 1
            exchange.close_body()
            raise HTTPException(503, headers=BUSY_HEADERS) from None
        if self._swept_pool is not pool:
            self._swept_pool = pool
            self._schedule_sweep(pool)
        return exchange

    def _finish(self, exchange: Exchange) -> None:
        del self._open[exchange]
        if exchange.watcher is not None:
            exchange.watcher.cancel()
        if exchange.returned:
            exchange.close_body()
            if exchange.file is not None:
                self._close_file(exchange)
        else:
            self._abandon(exchange)
        # Break the reference cycle: exchange, exception, traceback.
        exchange.error = None

    def _close_file(self, exchange: Exchange) -> None:
        """Close a response's file in a thread that no request can block."""
        if self._close_pool is not None and exchange.acquire_file():
            self._close_pool.submit(CloseJob(exchange), bounded=False)

    # Slow requests; most requests finish before the first check

    def _schedule_sweep(self, pool: Pool) -> None:
        # An empty context, without the variables of the current request.
        pool.loop.call_later(SWEEP_INTERVAL, self._sweep, pool, context=Context())

    def _sweep(self, pool: Pool) -> None:
        if not self._open and not self._abandoned_requests:
            self._swept_pool = None
            return
        now = pool.loop.time()
        self._abandoned_requests.check(now)
        for exchange in [*self._open]:
            waited = now - exchange.submitted_at
            if waited > SWEEP_INTERVAL / 2:
                self._start_watching(exchange)
            if waited > self.queue_timeout and exchange.pool.withdraw(exchange):
                exchange.expired = True
                exchange.notify()
        self._schedule_sweep(pool)

    def _start_watching(self, exchange: Exchange) -> None:
        """Start to watch for the client to disconnect."""
        if exchange.watcher is None:
            watching = self._wait_for_disconnect(exchange, self._open[exchange])
            exchange.watcher = asyncio.create_task(watching, context=exchange.context.copy())

    async def _wait_for_disconnect(self, exchange: Exchange, receive: Receive) -> None:
        """Wait until the client disconnects, then abandon the request.

        One empty body message may come first. After two other messages, stop: the ``receive`` of
        some middleware repeats the body, and never reports that the client has disconnected.
        """
        try:
            for _ in range(2):
                if (await receive())["type"] == "http.disconnect":
                    return self._abandon(exchange)
        # A third-party receive() may raise anything; the request continues.
        except Exception:
            logger.warning("%s: receive() failed", exchange, exc_info=True)

    def _abandon(self, exchange: Exchange) -> None:
        """Abandon a request; track its thread, if any, until it returns."""
        if exchange.abandon():
            self._abandoned += 1
            self._abandoned_requests.add(exchange, exchange.pool.loop.time())

    # The response

    async def _respond(self, exchange: Exchange, send: Send) -> None:
        started = False
        while True:
            await exchange.wait_for_update()
            # Read before take_chunks(): all chunks precede the end of the thread.
            done = exchange.returned
            data = exchange.take_chunks()
            if exchange.expired:
                self._shed += 1
                raise HTTPException(503, headers=BUSY_HEADERS)
            if exchange.abandoned:
                return
            if done and exchange.error is not None:
                raise exchange.error
            if not done and not data:
                continue
            if done and not started and len(data) <= MAX_UNSENT and exchange.file is None:
                # Most responses: complete, and small enough for one message.
                await send(exchange.start_message())
                await send({"type": "http.response.body", "body": data})
                return
            if not started:
                started = True
                self._start_watching(exchange)
                await send(exchange.start_message())
            if exchange.file is not None:
                return await self._send_file(exchange, send)
            await self._send_body(exchange, send, data, more_body=not done)
            if done:
                return

    async def _send_body(
        self, exchange: Exchange, send: Send, data: bytes, *, more_body: bool
    ) -> None:
        """Send in pieces, so that the server buffers at most one for a slow client."""
        for position in range(0, len(data), MAX_UNSENT) or (0,):
            piece = data[position : position + MAX_UNSENT]
            more = more_body or position + MAX_UNSENT < len(data)
            await send({"type": "http.response.body", "body": piece, "more_body": more})
            exchange.count_sent(len(piece))
            if exchange.abandoned:
                return

    async def _send_file(self, exchange: Exchange, send: Send) -> None:
        """Read and send a file, without keeping a thread until a slow client has read it."""
        file = exchange.file
        assert file is not None
        left = 0 if exchange.is_bodiless else exchange.length
        while left != 0:
            size = READ_SIZE if left is None else min(READ_SIZE, left)
            data = await asyncio.to_thread(file.filelike.read, size)
            if not data:
                break
            left = None if left is None else left - len(data)
            await self._send_body(exchange, send, data, more_body=True)
            if exchange.abandoned:
                return
        if left:
            raise WSGIError(f"the file ended {left} bytes before its Content-Length")
        await send({"type": "http.response.body", "body": b""})

    # Shutdown

    async def shutdown(self) -> None:
        """Refuse new requests, wait ``grace`` seconds for running ones, and abandon the rest."""
        self._stopping = True
        pool = self._pool
        if pool is None:
            return
        await wait_until(lambda: not self._open, self.grace)
        for exchange in [*self._open]:
            self._abandon(exchange)
            if exchange.returned:
                self._close_file(exchange)
        close_pool = self._close_pool
        assert close_pool is not None
        await wait_until(lambda: not pool.in_flight and not close_pool.in_flight, RETURN_TIMEOUT)
        if busy := pool.busy + close_pool.busy:
            threads_left_running["wsgi"] += busy
            logger.warning(
                "%d threads have not returned within %g s; the process exits anyway",
                busy,
                self.grace + RETURN_TIMEOUT,
            )
        pool.stop()
        close_pool.stop()
        self._pool = None


async def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    """Wait until the condition is true, at most for some seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not condition() and loop.time() < deadline:
        await asyncio.sleep(0.01)
