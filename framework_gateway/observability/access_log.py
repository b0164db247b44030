"""Write the access log in batches, which costs a tenth of a log record for each request."""

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quote
from typing import TextIO

from framework_gateway.observability.observed import FinishedRequest, Kind, framework_of

# Bytes that a write to a pipe keeps together when several processes write to it (POSIX).
PIPE_BUF = 4096
LONGEST_PATH = 500  # characters of a path in the log

Format = Callable[[str, FinishedRequest], str]


class AccessLog:
    """Writes one line for each request to a stream.

    It never writes query strings, because they may contain tokens.

    Args:
        stream: the stream to write to.
        form: formats a line from the time and the request: ``as_json`` or ``as_text``.
    """

    def __init__(self, stream: TextIO, form: Format) -> None:
        self.stream = stream
        self.form = form

    def write(self, requests: Iterable[FinishedRequest]) -> None:
        """Write the lines of finished requests."""
        # Converts times of perf_counter to Unix times.
        offset = time.time() - time.perf_counter()
        block: list[str] = []
        room = PIPE_BUF
        for request in requests:
            line = self.form(format_time(int((offset + request.ended) * 1000)), request)
            room -= len(line)
            if room < 0:
                self._write(block)
                block, room = [], PIPE_BUF - len(line)
            block.append(line)
        self._write(block)

    def _write(self, lines: list[str]) -> None:
        self.stream.write("".join(lines))
        self.stream.flush()


@lru_cache(maxsize=1)  # on a busy server many requests end in the same millisecond
def format_time(at: int) -> str:
    """Format a Unix time in milliseconds as in RFC 3339."""
    seconds, milliseconds = divmod(at, 1000)
    return f"{format_second(seconds)}.{milliseconds:03}Z"


@lru_cache(maxsize=1)
def format_second(seconds: int) -> str:
    """Format a Unix time in seconds as in RFC 3339, without the Z."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def as_json(now: str, request: FinishedRequest) -> str:
    """Format a request as a JSON object; times in milliseconds, null if unknown."""
    request_id, client, path, kind, size, is_cut_off, _, seconds, waiting, running = request
    return (
        f'{{"ts":"{now}","request_id":"{request_id.decode()}",'
        f'"client":{quote(client) if client else "null"},{kind_as_json(kind)},'
        f'"path":{quote(path[:LONGEST_PATH])},"bytes":{size},'
        f'"cut_off":{"true" if is_cut_off else "false"},"ms":{seconds * 1000:.2f},'
        f'"queued_ms":{"null" if waiting is None else f"{waiting * 1000:.2f}"},'
        f'"running_ms":{"null" if running is None else f"{running * 1000:.2f}"}}}\n'
    )


@lru_cache(maxsize=4096)
def kind_as_json(kind: Kind) -> str:
    """Format the members that many requests share."""
    mount, method, route, status = kind
    return (
        f'"framework":{quote(framework_of(mount))},"method":{quote(method)},'
        f'"route":{quote(route)},"status":{status}'
    )


def as_text(now: str, request: FinishedRequest) -> str:
    """Format a request as a readable line."""
    mount, method, route, status = request.kind
    answer = f"{status} cut off" if request.is_cut_off else str(status)
    times = f"{request.seconds * 1000:.1f} ms"
    if request.waiting is not None:
        queued, ran = request.waiting * 1000, (request.running or 0) * 1000
        times += f" (queued {queued:.1f}, ran {ran:.1f})"
    # JSON escapes keep control characters from forging lines or controlling the terminal.
    path = quote(request.path[:LONGEST_PATH])[1:-1]
    return (
        f"{now[11:-1]} {answer} {quote(method)[1:-1]} {path} {times} {request.size} B"
        f" [{framework_of(mount)} {route or '-'}] {request.client or '-'} {request.id.decode()}\n"
    )
