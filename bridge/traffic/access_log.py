"""One line for each request, written a few at a time: a logger's record would cost ten times it."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TextIO

from bridge.traffic.observed import Observed

# What a pipe takes from one of several processes without mixing it with the others' (POSIX).
PIPE_BUF = 4096
LONGEST_PATH = 500  # characters that are shown of it

Format = Callable[[str, Observed], str]


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
        self._lines: list[str] = []
        self._closed = False
        self._second = 0
        self._second_text = ""

    def write(self, request: Observed) -> None:
        """Add the line of a request that has ended."""
        self._lines.append(self.form(self._now(), request))
        if self._closed:
            self.flush()

    def flush(self) -> None:
        """Write what has come together."""
        lines, self._lines = self._lines, []
        block, size = "", 0
        for line in lines:
            if size + len(line) > PIPE_BUF:
                self._write(block)
                block, size = "", 0
            block += line
            size += len(line)
        if block:
            self._write(block)

    def close(self) -> None:
        """Write what there is, and from now on each line at once."""
        self._closed = True
        self.flush()

    def _write(self, block: str) -> None:
        self.stream.write(block)
        self.stream.flush()

    def _now(self) -> str:
        """Return the time in RFC 3339's form, to the millisecond."""
        now = time.time()
        second = int(now)
        if second != self._second:
            self._second = second
            self._second_text = f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}"
        return f"{self._second_text}.{int((now - second) * 1000):03d}Z"


def as_json(now: str, request: Observed) -> str:
    """Write a JSON object, for programs; times in milliseconds, null where nobody knows them."""
    client = request.scope.get("client")
    record = request.record
    return (
        f'{{"ts":"{now}","request_id":"{request.id}",'
        f'"client":{json.dumps(client and client[0])},'
        f'"framework":"{request.framework}","method":{json.dumps(request.method)},'
        f'"path":{json.dumps(request.path[:LONGEST_PATH])},"route":{json.dumps(request.route)},'
        f'"status":{request.status},"bytes":{request.size},"ms":{request.seconds * 1000:.2f},'
        f'"queued_ms":{milliseconds(record.get("waiting"))},'
        f'"running_ms":{milliseconds(record.get("running"))}}}\n'
    )


def as_text(now: str, request: Observed) -> str:
    """Write a line for people."""
    client = request.scope.get("client")
    record = request.record
    times = f"{request.seconds * 1000:.1f} ms"
    if "waiting" in record:
        queued, ran = milliseconds(record["waiting"]), milliseconds(record["running"])
        times += f" (queued {queued}, ran {ran})"
    # As JSON writes them, control characters cannot forge a line or speak to the terminal.
    path = json.dumps(request.path[:LONGEST_PATH])[1:-1]
    return (
        f"{now[11:-1]} {request.status} {json.dumps(request.method)[1:-1]} {path} {times}"
        f" {request.size} B [{request.framework} {request.route or '-'}]"
        f" {client[0] if client else '-'} {request.id}\n"
    )


def milliseconds(seconds: float | None) -> str:
    """Write a time of the bridge's."""
    return "null" if seconds is None else f"{seconds * 1000:.2f}"
