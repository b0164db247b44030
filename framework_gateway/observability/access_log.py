"""One line for each request, written some at a time: a logger's record would cost ten times it."""

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quote
from typing import TextIO

from framework_gateway.observability.observed import Ended, Kind, framework_of

# What a pipe takes from one of several processes without mixing it with the others' (POSIX).
PIPE_BUF = 4096
LONGEST_PATH = 500  # characters that are shown of it

Format = Callable[[str, Ended], str]


class AccessLog:
    """Access lines on their way to a stream.

    Query strings are never written, because tokens stand in them.

    Args:
        stream: where to.
        form: makes a line of the time and the request: ``as_json`` or ``as_text``.
    """

    def __init__(self, stream: TextIO, form: Format) -> None:
        self.stream = stream
        self.form = form

    def write(self, requests: Iterable[Ended]) -> None:
        """Write the lines of requests that have ended."""
        # What their times have to be moved by, to be times of day.
        offset = time.time() - time.perf_counter()
        block: list[str] = []
        room = PIPE_BUF
        for request in requests:
            line = self.form(timestamp(int((offset + request.ended) * 1000)), request)
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
def timestamp(at: int) -> str:
    """Write a time, in milliseconds since 1970, in RFC 3339's form."""
    seconds, milliseconds = divmod(at, 1000)
    return f"{whole(seconds)}.{milliseconds:03}Z"


@lru_cache(maxsize=1)
def whole(seconds: int) -> str:
    """Write a time of whole seconds."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def as_json(now: str, request: Ended) -> str:
    """Write a JSON object, for programs; times in milliseconds, null where nobody knows them."""
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
    """Write what many requests have in common."""
    mount, method, route, status = kind
    return (
        f'"framework":{quote(framework_of(mount))},"method":{quote(method)},'
        f'"route":{quote(route)},"status":{status}'
    )


def as_text(now: str, request: Ended) -> str:
    """Write a line for people."""
    mount, method, route, status = request.kind
    answer = f"{status} cut off" if request.is_cut_off else str(status)
    times = f"{request.seconds * 1000:.1f} ms"
    if request.waiting is not None:
        queued, ran = request.waiting * 1000, (request.running or 0) * 1000
        times += f" (queued {queued:.1f}, ran {ran:.1f})"
    # As JSON writes them, control characters cannot forge a line or speak to the terminal.
    path = quote(request.path[:LONGEST_PATH])[1:-1]
    return (
        f"{now[11:-1]} {answer} {quote(method)[1:-1]} {path} {times} {request.size} B"
        f" [{framework_of(mount)} {route or '-'}] {request.client or '-'} {request.id.decode()}\n"
    )
