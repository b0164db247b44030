"""One request on its way through a WSGI application: the thread's side and the loop's side.

The thread calls the application and leaves what it produces in ``chunks``; the event loop takes
it from there and sends it. Each attribute is written by one side only.
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

from starlette.requests import ClientDisconnect
from starlette.types import Message

from framework_gateway.wsgi.environ import matched_route
from framework_gateway.wsgi.files import Closing, FileWrapper
from framework_gateway.wsgi.threads import Pool

logger = logging.getLogger("framework_gateway")

ROOM = 64 * 1024  # bytes that may wait for the client before the application has to

ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType]
LONGEST_NAME = 64  # characters of a header's name that is worth keeping
HEADER_NAME = re.compile("[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, token
FORBIDDEN_IN_HEADERS = re.compile("[\x00-\x08\x0a-\x1f\x7f]")


class ClientLeft(ConnectionError):
    """Raised in ``write()`` when nobody reads any more, so that the application stops."""


def is_about_leaving(error: BaseException | None) -> bool:
    """Return whether an application has raised that its client has left, or because of that.

    Applications learn of it by ``send()`` (ClientLeft), or by reading a body that was cut short
    (Starlette's ClientDisconnect).
    """
    if isinstance(error, BaseExceptionGroup):
        return all(map(is_about_leaving, error.exceptions))
    if error is None or isinstance(error, ClientLeft | ClientDisconnect):
        return error is not None
    return is_about_leaving(error.__cause__)


class WSGIError(Exception):
    """The application broke a rule of PEP 3333."""


@lru_cache(maxsize=1024)
def field_name(name: str) -> bytes:
    """Return a header's name as ASGI wants it, b"" for one that is the server's to send.

    PEP 3333 forbids hop-by-hop headers; servers drop them, and applications send them.

    Raises:
        WSGIError: it is no name.
    """
    if not HEADER_NAME.fullmatch(name):
        raise WSGIError(f"not the name of a header: {name!r}")
    return b"" if is_hop_by_hop(name) else name.lower().encode()


class Exchange:
    """A request and what has become of it.

    Attributes:
        status, headers: what ``start_response`` was given; status 0 until then.
        chunks: produced and not yet taken by the event loop.
        error: what the application raised.
        file: an answer that the event loop reads itself; it also owes it its ``close()``.
        returned: the thread is through with the request.
        gone: the client has left, or the server is shutting down.
        thread: the identifier of the thread that is with it; 0 until then.
        came, began, ended: when it was handed over, and when the thread was with it, by
            ``time.perf_counter``; 0.0 until then.
        record: where the times and the route are noted.
        dropped: names of hop-by-hop headers that the application has sent before.
    """

    status: int = 0
    headers: list[tuple[bytes, bytes]]
    length: int | None = None
    produced: int = 0
    sent: int = 0
    committed: bool = False
    returned: bool = False
    settled: bool = False
    gone: bool = False
    expired: bool = False
    thread: int = 0
    began: float = 0.0
    ended: float = 0.0
    error: BaseException | None = None
    file: FileWrapper | None = None
    watcher: asyncio.Task[None] | None = None
    _room: threading.Event | None = None
    _waiter: asyncio.Future[None] | None = None
    _noticed: bool = False

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
        self.submitted = pool.loop.time()
        self.came = perf_counter()
        self._unclaimed = [True]
        self._unclosed = [True]
        # Kept here, because applications put wrappers of their own in its place.
        self._body: IO[bytes] = environ["wsgi.input"]

    def __str__(self) -> str:
        environ = self.environ
        return f"{environ['REQUEST_METHOD']} {environ['SCRIPT_NAME']}{environ['PATH_INFO']}"

    def claim(self) -> bool:
        """Begin the request in a thread, or drop it on the loop: whoever is first."""
        try:
            return self._unclaimed.pop()  # atomic, and much cheaper than a lock
        except IndexError:
            return False

    # In the thread

    def run(self) -> None:
        """Call the application and produce its answer."""
        self.began = perf_counter()
        self.thread = threading.get_ident()
        try:
            self.context.run(self._call)
        except ClientLeft:
            pass
        except Exception as error:
            self._fail(error)
        except BaseException as error:
            # SystemExit and its like would end the server and not only this request.
            wrapped = WSGIError(f"the application raised {error!r}")
            wrapped.__cause__ = error
            self._fail(wrapped)
        self.ended = perf_counter()
        self.returned = True
        if self.gone:
            self.close_body()
            if self.claim_close():
                Closing(self).run()

    def _fail(self, error: Exception) -> None:
        """Note an error, unless the answer was complete before: then it stands."""
        if self.committed and self.produced == self.length:
            self.log(logging.ERROR, "%s: an error after the answer", self, exc_info=error)
        else:
            self.error = error

    def close(self, iterable: Any) -> None:
        """Call the ``close()`` of what the application returned; an error in it is only logged."""
        try:
            if hasattr(iterable, "close"):
                iterable.close()
        except BaseException:  # SystemExit, too, would end the thread
            logger.exception("%s: close() failed", self)

    def log(self, level: int, message: str, *args: object, **options: Any) -> None:
        """Log something about this request, with its own context variables."""
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
        # The whole answer is here, so a wrong length is found before anything is sent.
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
            self.pool.tell(self)

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
        """PEP 3333's callable; the headers wait for the first bytes, so an error can replace them.

        Raises:
            WSGIError: a second call without ``exc_info``, or a status or header that is none.
        """
        if exc_info is not None:
            try:
                if self.committed:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # breaks the cycle with the traceback, as the PEP asks
        elif self.status:
            raise WSGIError("start_response was called a second time without exc_info")
        code = status[:3]
        if not code.isdecimal() or not 200 <= int(code) <= 599 or status[3:4] not in ("", " "):
            raise WSGIError(f"not a status: {status!r}")
        # Flask has forgotten it when it returns.
        self.record["route"] = matched_route(self.environ)
        self._take_headers(headers)
        self.status = int(code)
        if self.status in (204, 304):
            # Allowed in a 304 only, and servers take it for the length of the bytes to come.
            self.headers = [header for header in self.headers if header[0] != b"content-length"]
        return self.write

    def _take_headers(self, headers: list[tuple[str, str]]) -> None:
        taken: list[tuple[bytes, bytes]] = []
        length: int | None = None
        for name, value in headers:
            # A long one may be a client's, and is not kept.
            field = field_name(name) if len(name) <= LONGEST_NAME else field_name.__wrapped__(name)
            if not field:
                self._drop(name.lower())
                continue
            if not value.isprintable() and FORBIDDEN_IN_HEADERS.search(value):
                raise WSGIError(f"not a header value: {value!r}")
            if field == b"content-length":
                if not value.isdecimal() or length is not None:
                    raise WSGIError(f"not a Content-Length: {value!r}")
                length = int(value)
            taken.append((field, value.strip().encode("latin-1")))
        self.headers, self.length = taken, length

    def _drop(self, name: str) -> None:
        """Leave out a hop-by-hop header, and say so once for each application."""
        if name not in self.dropped:
            self.dropped.add(name)
            logger.warning("%s sent the header %s, which is the server's: dropped", self, name)

    def write(self, chunk: bytes) -> None:
        """Hand bytes over to the event loop; wait while too many of them wait there."""
        self._require_start()
        if not isinstance(chunk, bytes):
            raise WSGIError(f"the application produced {type(chunk).__name__}, not bytes")
        if self.gone:
            raise ClientLeft
        if not chunk or self.is_bodiless:
            return
        self.produced += len(chunk)
        if self.length is not None and self.produced > self.length:
            raise WSGIError("the application produced more bytes than its Content-Length")
        self.committed = True
        self.chunks.append(chunk)
        self.pool.tell(self)
        # Only a body still being produced waits; a whole answer needs its thread no more.
        if self.produced - self.sent > ROOM and self.produced != self.length:
            self._wait_for_room()

    def _wait_for_room(self) -> None:
        self._room = self._room or threading.Event()
        while self.produced - self.sent > ROOM and not self.gone:
            self._room.wait()
            self._room.clear()

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

    def notice(self) -> None:
        """Wake the coroutine that waits for news."""
        self._noticed = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def news(self) -> None:
        """Wait until the thread has produced something or returned, or the client has left."""
        if not self._noticed:
            self._waiter = self.pool.loop.create_future()
            await self._waiter
        self._noticed = False

    def take(self) -> bytes:
        """Take all bytes that wait."""
        chunks = self.chunks
        if len(chunks) == 1:
            return chunks.popleft()
        return b"".join([chunks.popleft() for _ in range(len(chunks))])

    def report(self) -> None:
        """Note the times as far as they are known."""
        if self.began:
            self.record["waiting"] = self.began - self.came
            self.record["running"] = (self.ended or perf_counter()) - self.began

    def start(self) -> Message:
        """Note the times, and return the ASGI message that begins the answer."""
        self.report()
        return {
            "type": "http.response.start",
            "status": self.status,
            "headers": self.headers,
        }

    def make_room(self, size: int) -> None:
        """Count bytes that the server has taken, and let the application go on."""
        self.sent += size
        if self._room is not None:
            self._room.set()

    def leave(self) -> bool:
        """Give up: drop the request unstarted, or stop the application at its next chunk.

        Returns:
            Whether a thread still works on it, and nobody has given it up before.
        """
        if self.gone:
            return False
        self.gone = True
        self.pool.withdraw(self)
        self.make_room(0)
        self.notice()
        return not self.returned

    def close_body(self) -> None:
        """Close the request's body, once neither side needs it."""
        self._body.close()

    def claim_close(self) -> bool:
        """Tell whether the answer's file is still to be closed; True to one caller only."""
        if self.file is None:
            return False
        try:
            return self._unclosed.pop()
        except IndexError:
            return False
