"""Many connections at once that send their bytes in pieces, so that the server reads each alone.

The next piece is sent after the server has read the previous one: the kernel knows what is unread.
"""

import select
import socket
import ssl
import struct
import time
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress

from tests.wsgi.clients import leave
from tests.wsgi.server import PATIENCE

AT_ONCE = 200  # nginx has 512 connections, and uses two for each
PAUSE = 0.0005  # seconds between checks for unread pieces
# <linux/netlink.h>, <linux/sock_diag.h>, <linux/inet_diag.h>
NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, NLMSG_ERROR = 4, 20, 1, 2
HEADER = struct.Struct("=IHHII")  # struct nlmsghdr
QUESTION = struct.Struct("=BBBxI")  # struct inet_diag_req_v2 up to its id
ID = struct.Struct("!HH16s16sI8s")  # struct inet_diag_sockid
ANY_COOKIE = b"\xff" * 8
WAITING = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
RECEIVE_QUEUE = HEADER.size + 4 + ID.size + 4  # offset of idiag_rqueue in struct inet_diag_msg


class Queues:
    """Asks the kernel which bytes the sockets of this machine have not read yet."""

    def __init__(self) -> None:
        self.kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_SOCK_DIAG)
        self.kernel.connect((0, 0))

    def close(self) -> None:
        self.kernel.close()

    def ask(self, connection: socket.socket) -> bytes:
        """Build the query about the other end of an IPv4 connection."""
        (peer, peer_port), (own, own_port) = connection.getpeername(), connection.getsockname()
        addresses = socket.inet_aton(peer), socket.inet_aton(own)
        wanted = ID.pack(peer_port, own_port, *addresses, 0, ANY_COOKIE)
        question = QUESTION.pack(socket.AF_INET, socket.IPPROTO_TCP, 0, 0xFFFFFFFF) + wanted
        size = HEADER.size + len(question)
        return HEADER.pack(size, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 0, 0) + question

    def are_read(self, question: bytes) -> bool:
        """Return whether the other end has read everything or is closed."""
        self.kernel.send(question)
        answer = self.kernel.recv(4096)
        kind = HEADER.unpack_from(answer)[1]
        return kind == NLMSG_ERROR or answer[RECEIVE_QUEUE : RECEIVE_QUEUE + 4] == bytes(4)


class Delivery:
    """The bytes for one connection, in pieces, and what the server sends until it ends.

    Attributes:
        received: the bytes received so far.
        has_ended: whether the server has ended the connection; False if the time was up first.
    """

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self.pieces = deque(pieces)
        self.received = bytearray()
        self.has_ended = False
        self.connection: socket.socket
        self.question: bytes
        self.deadline = 0.0

    def open(self, queues: Queues, port: int, trust: ssl.SSLContext | None) -> None:
        """Connect."""
        connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.question = queues.ask(connection)
        if trust is not None:
            # The first piece makes the TLS handshake.
            connection = trust.wrap_socket(
                connection, server_hostname="127.0.0.1", do_handshake_on_connect=False
            )
        connection.setblocking(False)
        self.connection = connection
        self.deadline = time.monotonic() + PATIENCE

    def receive(self) -> bool:
        """Receive what is there; return whether there was anything."""
        try:
            data = self.connection.recv(1_000_000)
        except WAITING:
            return False
        except (ConnectionResetError, ssl.SSLEOFError):
            data = b""
        self.received += data
        self.has_ended = not data
        return True

    def send(self, queues: Queues) -> bool:
        """Send the next piece if the previous one has been read; return whether it was sent."""
        if not self.pieces or not queues.are_read(self.question):
            return False
        piece = self.pieces.popleft()
        try:
            sent = self.connection.send(piece)
        except WAITING:
            sent = 0
        except OSError:
            # The server has refused and closed; its response shows the reason.
            self.pieces.clear()
            return True
        if sent < len(piece):
            self.pieces.appendleft(piece[sent:])
        return sent > 0

    def go_on(self, queues: Queues) -> bool:
        """Do what is possible now; return whether there was anything to do."""
        done = self.send(queues)
        done = self.receive() or done
        if done:
            self.deadline = time.monotonic() + PATIENCE
        return done

    @property
    def is_over(self) -> bool:
        return self.has_ended or time.monotonic() > self.deadline

    def close(self) -> None:
        """Send the remaining pieces and leave: after a refusal, they must have no effect."""
        with suppress(OSError):
            self.connection.send(b"".join(self.pieces))
        leave(self.connection)


def deliver(deliveries: Iterable[Delivery], port: int, trust: ssl.SSLContext | None = None) -> None:
    """Deliver all, several at once, until the server has ended each connection.

    Args:
        deliveries: updated with what the server sends.
        port: of the server on 127.0.0.1.
        trust: for a TLS server.
    """
    waiting, under_way = deque(deliveries), list[Delivery]()
    queues = Queues()
    try:
        while waiting or under_way:
            while waiting and len(under_way) < AT_ONCE:
                waiting[0].open(queues, port, trust)
                under_way.append(waiting.popleft())
            if not [one for one in under_way if one.go_on(queues)]:
                wait(under_way)
            over = [one for one in under_way if one.is_over]
            for one in over:
                one.close()
                under_way.remove(one)
    finally:
        for one in under_way:
            one.close()
        queues.close()


def wait(deliveries: Sequence[Delivery]) -> None:
    """Wait until a response arrives; while the server still has to read, only a moment."""
    seconds = PAUSE if any(one.pieces for one in deliveries) else 1
    select.select([one.connection for one in deliveries], [], [], seconds)
