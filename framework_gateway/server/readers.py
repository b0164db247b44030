"""The clock of a client that reads an answer: how long it has taken nothing."""

import asyncio
import socket
import struct
import sys

IS_LINUX = sys.platform == "linux"
# tcpi_bytes_acked of tcp_info, since Linux 4.1 (include/uapi/linux/tcp.h).
ACKNOWLEDGED = struct.Struct("=120xQ")


class ReaderClock:
    """Measures how long the client of a connection has taken nothing of what waits for it.

    On Linux, TCP knows what the client's system has acknowledged, and every byte of it is progress.
    On other systems, and on Unix sockets, progress is what this system's own send buffer takes. It
    takes nothing until a good part of it is free, so there a slow client can seem to read nothing.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self.drains = 0  # how often the transport's buffer has become empty enough to go on writing
        self._transport = transport
        self._socket: socket.socket | None = transport.get_extra_info("socket")
        is_tcp = self._socket is not None and self._socket.family != socket.AF_UNIX
        self._is_told = is_tcp and IS_LINUX
        self._taken: tuple[int, ...] = ()
        self._since: float | None = None

    def stalled_for(self, now: float) -> float:
        """Return the seconds without progress; 0.0 while nothing waits.

        Args:
            now: the loop's time. Progress is what has changed since the last call.
        """
        unsent = self._transport.get_write_buffer_size()
        if unsent == 0:
            self._since = None
            return 0.0
        taken, before = self._count(unsent), self._taken
        self._taken = taken
        if self._since is None or taken > before:
            self._since = now
        return now - self._since

    def _count(self, unsent: int) -> tuple[int, ...]:
        """Return what grows while the client takes something."""
        if self._is_told and self._socket is not None:
            info = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, ACKNOWLEDGED.size)
            return ACKNOWLEDGED.unpack(info)
        return self.drains, -unsent
