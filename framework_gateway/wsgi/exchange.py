"""One request to a WSGI application, shared by a thread and the event loop.

The thread calls the application and puts the body of the response into ``chunks``. The event loop
takes the chunks and sends them. Each attribute is written by one side only.
"""

import asyncio
import logging
import re
import threading
from collections import deque
from collections.abc import Iterable
from contextvars import Context, copy_context
from functools import lru_cache
from time import perf_counter
from types import TracebackType
from typing import IO, Any
from wsgiref.util import is_hop_by_hop

from starlette.types import Message

from framework_gateway.wsgi.errors import ClientLeft, WSGIError
from framework_gateway.wsgi.files import CloseJob, FileWrapper
from framework_gateway.wsgi.routes import matched_route
from framework_gateway.wsgi.threads import Pool

logger = logging.getLogger("framework_gateway")

MAX_UNSENT = 64 * 1024  # bytes that may be unsent before write() blocks

ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType]
MAX_CACHED_NAME = 64  # characters; longer header names are not cached
HEADER_NAME = re.compile("[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, token
FORBIDDEN_IN_HEADERS = re.compile("[\x00-\x08\x0a-\x1f\x7f]")


@lru_cache(maxsize=1024)
def encode_name(name: str) -> bytes:
    """Return a header's name in lower-case bytes, as ASGI requires; b"" for a hop-by-hop header.

    PEP 3333 forbids applications to send hop-by-hop headers. Some do, and servers drop them.

    Raises:
        WSGIError: the name is not a token.
    """
    if not HEADER_NAME.fullmatch(name):
        raise WSGIError(f"invalid header name: {name!r}")
    return b"" if is_hop_by_hop(name) else name.lower().encode()


class Exchange:
    """A request to a WSGI application, and its response.

    Attributes:
        status, headers: the arguments of ``start_response``; status 0 before its call.
        length: the Content-Length in bytes; None if it is unknown.
        produced, sent: bytes of the body from the application, and to the server.
        committed: whether body bytes exist, so that an error cannot replace the response.
        chunks: body parts that the event loop has not taken yet.
        error: the exception that the application raised.
        file: a file that the event loop reads and sends; it must then be closed.
        returned: whether the thread has finished the request.
        counted: whether the pool has subtracted the request from ``in_flight``.
        abandoned: whether the client has left, or the server has stopped waiting.
        expired: whether the request has waited too long for a thread.
        thread: identifier of the thread that runs the request; 0 before.
        queued_at, started_at, ended_at: when the request was queued, and when its thread started
            and finished it, by ``time.perf_counter``; 0.0 before.
        record: receives the times and the route.
        dropped: hop-by-hop headers of this application that have been logged.
    """

    status: int = 0
    headers: list[tuple[bytes, bytes]]
    length: int | None = None
    produced: int = 0
    sent: int = 0
    committed: bool = False
    returned: bool = False
    counted: bool = False
    abandoned: bool = False
    expired: bool = False
    thread: int = 0
    started_at: float = 0.0
    ended_at: float = 0.0
    error: BaseException | None = None
    file: FileWrapper | None = None
    watcher: asyncio.Task[None] | None = None
    _room_freed: threading.Event | None = None
    _waiter: asyncio.Future[None] | None = None
    _notified: bool = False

    def __init__(
        self,
        app: Any,
        environ: dict[str, Any],
        pool: Pool,
        record: dict[str, Any],
        dropped: set[str],
    ) -> None:
        self.app = app
        self.environ = environ
        self.pool = pool
        self.record = record
        self.dropped = dropped
        self.context: Context = copy_context()
        self.is_head = environ["REQUEST_METHOD"] == "HEAD"
        self.chunks: deque[bytes] = deque()
        self.headers = []
        self.submitted_at = pool.loop.time()
        self.queued_at = perf_counter()
        self._unclaimed = [True]
        self._unclosed = [True]
        # Applications may replace wsgi.input with a wrapper; this is the original.
        self._body: IO[bytes] = environ["wsgi.input"]
        # Applications that dispatch requests to others extend it.
        self._script_name: str = environ["SCRIPT_NAME"]

    def __str__(self) -> str:
        environ = self.environ
        return f"{environ['REQUEST_METHOD']} {environ['SCRIPT_NAME']}{environ['PATH_INFO']}"

    def claim(self) -> bool:
        """Return True to the first caller: a thread, to run it, or the event loop, to drop it."""
        try:
            return self._unclaimed.pop()  # atomic and much cheaper than a lock
        except IndexError:
            return False

    # In the thread

    def run(self) -> None:
        """Call the application, and produce its response."""
        self.started_at = perf_counter()
        self.thread = threading.get_ident()
        try:
            self.context.run(self._call)
        except ClientLeft:
            pass
        except Exception as error:
            self._fail(error)
        except BaseException as error:
            # SystemExit and the like must end only this request, not the server.
            wrapped = WSGIError(f"the application raised {error!r}")
            wrapped.__cause__ = error
            self._fail(wrapped)
        self.ended_at = perf_counter()
        self.returned = True
        if self.abandoned:
            self.close_body()
            if self.acquire_file():
                CloseJob(self).run()

    def _fail(self, error: Exception) -> None:
        """Store an error; if the response is already complete, only log it."""
        if self.committed and self.produced == self.length:
            self.log(logging.ERROR, "%s: error after the complete response", self, exc_info=error)
        else:
            self.error = error

    def close(self, iterable: Any) -> None:
        """Call ``close()`` on the application's iterable; log an error instead of raising it."""
        try:
            if hasattr(iterable, "close"):
                iterable.close()
        except BaseException:  # includes SystemExit, which would end the thread
            logger.exception("%s: close() failed", self)

    def log(self, level: int, message: str, *args: object, **options: Any) -> None:
        """Log a message with the context variables of this request."""
        self.context.copy().run(logger.log, level, message, *args, **options)

    def _call(self) -> None:
        iterable: Iterable[bytes] = self.app(self.environ, self.start_response)
        handed_over = False
        try:
            if isinstance(iterable, FileWrapper) and iterable.is_regular and not self.committed:
                self._require_start()
                self.file, handed_over = iterable, True
            elif isinstance(iterable, list | tuple) and not self.committed:
                self._produce_all(iterable)
            else:
                self._produce_each(iterable)
        finally:
            if not handed_over:
                self.close(iterable)

    def _produce_all(self, body: list[bytes] | tuple[bytes, ...]) -> None:
        # The body is complete, so a wrong length is found before anything is sent.
        self._require_start()
        whole = b"".join(body)
        size = len(whole)
        if self.length is None and not self.is_bodiless:
            self.headers.append((b"content-length", b"%d" % size))
            self.length = size
        self._check_length(size)
        if not self.is_bodiless:
            self.produced, self.committed = size, True
            self.chunks.append(whole)
            self.pool.notify_loop(self)

    def _produce_each(self, iterable: Iterable[bytes]) -> None:
        for chunk in iterable:
            self.write(chunk)
            if self.is_bodiless:
                return
        self._require_start()
        self._check_length(self.produced)

    def start_response(
        self,
        status: str,
        headers: list[tuple[str, str]],
        exc_info: ExceptionInfo | None = None,
    ) -> Any:
        """Store status and headers until the first bytes of the body (PEP 3333).

        Raises:
            WSGIError: a second call without ``exc_info``, or an invalid status or header.
        """
        if exc_info is not None:
            try:
                if self.committed:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # breaks the reference cycle with the traceback (PEP 3333)
        elif self.status:
            raise WSGIError("start_response was called a second time without exc_info")
        code = status[:3]
        if not code.isdecimal() or not 200 <= int(code) <= 599 or status[3:4] not in ("", " "):
            raise WSGIError(f"invalid status: {status!r}")
        # Flask removes the route from the environ before it returns.
        self.record["route"] = matched_route(self.environ, self.app, self._script_name)
        self._set_headers(headers)
        self.status = int(code)
        if self.status in (204, 304):
            # A 204 must not have a Content-Length. A 304 may, but servers would wait for the bytes.
            self.headers = [header for header in self.headers if header[0] != b"content-length"]
        return self.write

    def _set_headers(self, headers: list[tuple[str, str]]) -> None:
        taken: list[tuple[bytes, bytes]] = []
        length: int | None = None
        for name, value in headers:
            # A long name may come from a client, and is not cached.
            field = (
                encode_name(name) if len(name) <= MAX_CACHED_NAME else encode_name.__wrapped__(name)
            )
            if not field:
                self._log_dropped(name.lower())
                continue
            if not value.isprintable() and FORBIDDEN_IN_HEADERS.search(value):
                raise WSGIError(f"invalid header value: {value!r}")
            if field == b"content-length":
                if not value.isdecimal() or length is not None:
                    raise WSGIError(f"invalid Content-Length: {value!r}")
                length = int(value)
            taken.append((field, value.strip().encode("latin-1")))
        self.headers, self.length = taken, length

    def _log_dropped(self, name: str) -> None:
        """Log a dropped hop-by-hop header, once for each application."""
        if name not in self.dropped:
            self.dropped.add(name)
            logger.warning("%s sent the hop-by-hop header %s: dropped", self, name)

    def write(self, chunk: bytes) -> None:
        """Pass bytes to the event loop; block while too many are unsent."""
        self._require_start()
        if not isinstance(chunk, bytes):
            raise WSGIError(f"the application produced {type(chunk).__name__}, not bytes")
        if self.abandoned:
            raise ClientLeft
        if not chunk or self.is_bodiless:
            return
        self.produced += len(chunk)
        if self.length is not None and self.produced > self.length:
            raise WSGIError("the application produced more bytes than its Content-Length")
        self.committed = True
        self.chunks.append(chunk)
        self.pool.notify_loop(self)
        # After the last byte, the thread need not wait for the client.
        if self.produced - self.sent > MAX_UNSENT and self.produced != self.length:
            self._wait_for_room()

    def _wait_for_room(self) -> None:
        self._room_freed = self._room_freed or threading.Event()
        while self.produced - self.sent > MAX_UNSENT and not self.abandoned:
            self._room_freed.wait()
            self._room_freed.clear()

    @property
    def is_bodiless(self) -> bool:
        return self.is_head or self.status in (204, 304)

    def _require_start(self) -> None:
        if not self.status:
            raise WSGIError("the application did not call start_response")

    def _check_length(self, size: int) -> None:
        if self.length is not None and size != self.length and not self.is_bodiless:
            raise WSGIError(f"{size} bytes produced, but Content-Length says {self.length}")

    # On the event loop

    def notify(self) -> None:
        """Wake the coroutine that waits in ``wait_for_update()``."""
        self._notified = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def wait_for_update(self) -> None:
        """Wait until the thread has produced bytes or returned, or the client has left."""
        if not self._notified:
            self._waiter = self.pool.loop.create_future()
            await self._waiter
        self._notified = False

    def take_chunks(self) -> bytes:
        """Return all waiting bytes, and remove them."""
        chunks = self.chunks
        if len(chunks) == 1:
            return chunks.popleft()
        return b"".join([chunks.popleft() for _ in range(len(chunks))])

    def record_times(self) -> None:
        """Write the times that are known to ``record``."""
        if self.started_at:
            self.record["waiting"] = self.started_at - self.queued_at
            self.record["running"] = (self.ended_at or perf_counter()) - self.started_at

    def start_message(self) -> Message:
        """Record the times, and return the ASGI message that starts the response."""
        self.record_times()
        return {
            "type": "http.response.start",
            "status": self.status,
            "headers": self.headers,
        }

    def count_sent(self, size: int) -> None:
        """Count bytes that the server has accepted, and wake a blocked ``write()``."""
        self.sent += size
        if self._room_freed is not None:
            self._room_freed.set()

    def abandon(self) -> bool:
        """Remove the request from the queue, or stop the application at its next chunk.

        Returns:
            Whether a thread still works on the request; False on a second call.
        """
        if self.abandoned:
            return False
        self.abandoned = True
        self.pool.withdraw(self)
        self.count_sent(0)
        self.notify()
        return not self.returned

    def close_body(self) -> None:
        """Close the request's body; call it when neither side needs the body."""
        self._body.close()

    def acquire_file(self) -> bool:
        """Return True to the first caller only, which must close the response's file, if any."""
        if self.file is None:
            return False
        try:
            return self._unclosed.pop()
        except IndexError:
            return False
