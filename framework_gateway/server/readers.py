"""Measure for how long a client has read nothing of a response."""

import asyncio
import socket
import struct
import sys

IS_LINUX = sys.platform == "linux"
# tcpi_bytes_acked of tcp_info, since Linux 4.1 (include/uapi/linux/tcp.h).
ACKNOWLEDGED = struct.Struct("=120xQ")


class StallTimer:
    """Measures for how long the client of a connection has read none of the waiting data.

    On Linux, TCP reports the bytes that the client has acknowledged; each one is progress. On other
    systems, and on Unix sockets, progress is data that moves into the system's send buffer. The
    buffer accepts data only when a large part of it is free, so a slow client may appear stalled.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self.drains = 0  # how often the transport's buffer has drained, so that writing resumed
        self._transport = transport
        self._socket: socket.socket | None = transport.get_extra_info("socket")
        is_tcp = self._socket is not None and self._socket.family != socket.AF_UNIX
        self._has_tcp_info = is_tcp and IS_LINUX
        self._progress: tuple[int, ...] = ()
        self._stalled_since: float | None = None

    def stalled_for(self, now: float) -> float:
        """Return the seconds without progress; 0.0 if no data is waiting.

        Args:
            now: the event loop's time. Progress is measured from call to call.
        """
        unsent = self._transport.get_write_buffer_size()
        if unsent == 0:
            self._stalled_since = None
            return 0.0
        progress, before = self._measure(unsent), self._progress
        self._progress = progress
        if self._stalled_since is None or progress > before:
            self._stalled_since = now
        return now - self._stalled_since

    def _measure(self, unsent: int) -> tuple[int, ...]:
        """Return a value that grows when the client reads."""
        if self._has_tcp_info and self._socket is not None:
            info = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, ACKNOWLEDGED.size)
            return ACKNOWLEDGED.unpack(info)
        return self.drains, -unsent
