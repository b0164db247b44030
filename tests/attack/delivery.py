"""Many connections at once whose bytes reach the server in pieces, each read on its own.

A piece is sent when the server has read the one before it: the kernel says how much it has not.
"""

import select
import socket
import ssl
import struct
import time
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress

from tests.wsgi.server import PATIENCE, leave

AT_ONCE = 200  # few enough for nginx's 512, which has two of each
PAUSE = 0.0005  # seconds between two looks at whether pieces have been read
# <linux/netlink.h>, <linux/sock_diag.h>, <linux/inet_diag.h>
NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, NLMSG_ERROR = 4, 20, 1, 2
HEADER = struct.Struct("=IHHII")  # struct nlmsghdr
QUESTION = struct.Struct("=BBBxI")  # struct inet_diag_req_v2 up to its id
ID = struct.Struct("!HH16s16sI8s")  # struct inet_diag_sockid
ANY_COOKIE = b"\xff" * 8
WAITING = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
RECEIVE_QUEUE = HEADER.size + 4 + ID.size + 4  # where struct inet_diag_msg has idiag_rqueue


class Queues:
    """The kernel's knowledge of what the sockets of this machine have not read yet."""

    def __init__(self) -> None:
        self.kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_SOCK_DIAG)
        self.kernel.connect((0, 0))

    def close(self) -> None:
        self.kernel.close()

    def ask(self, connection: socket.socket) -> bytes:
        """Write the question for what has reached the other end of a connection of IPv4."""
        (peer, peer_port), (own, own_port) = connection.getpeername(), connection.getsockname()
        addresses = socket.inet_aton(peer), socket.inet_aton(own)
        wanted = ID.pack(peer_port, own_port, *addresses, 0, ANY_COOKIE)
        question = QUESTION.pack(socket.AF_INET, socket.IPPROTO_TCP, 0, 0xFFFFFFFF) + wanted
        size = HEADER.size + len(question)
        return HEADER.pack(size, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 0, 0) + question

    def are_read(self, question: bytes) -> bool:
        """Tell whether the other end has read everything, or is gone."""
        self.kernel.send(question)
        answer = self.kernel.recv(4096)
        kind = HEADER.unpack_from(answer)[1]
        return kind == NLMSG_ERROR or answer[RECEIVE_QUEUE : RECEIVE_QUEUE + 4] == bytes(4)


class Delivery:
    """The bytes for one connection, in pieces, and what comes back until it ends.

    Attributes:
        received: what has come.
        has_ended: whether the server has ended the connection; False when time was up.
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
            # The first piece shakes hands.
            connection = trust.wrap_socket(
                connection, server_hostname="127.0.0.1", do_handshake_on_connect=False
            )
        connection.setblocking(False)
        self.connection = connection
        self.deadline = time.monotonic() + PATIENCE

    def receive(self) -> bool:
        """Take what has come; tell whether there was something."""
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
        """Send the next piece once the one before it has been read; tell whether it has gone."""
        if not self.pieces or not queues.are_read(self.question):
            return False
        piece = self.pieces.popleft()
        try:
            sent = self.connection.send(piece)
        except WAITING:
            sent = 0
        except OSError:
            # Refused, and the end has been sent: what comes back says the rest.
            self.pieces.clear()
            return True
        if sent < len(piece):
            self.pieces.appendleft(piece[sent:])
        return sent > 0

    def go_on(self, queues: Queues) -> bool:
        """Do what can be done at once; tell whether that was something."""
        done = self.send(queues)
        done = self.receive() or done
        if done:
            self.deadline = time.monotonic() + PATIENCE
        return done

    @property
    def is_over(self) -> bool:
        return self.has_ended or time.monotonic() > self.deadline

    def close(self) -> None:
        """Leave, and send what is left before: behind a refusal, nothing may come of it."""
        with suppress(OSError):
            self.connection.send(b"".join(self.pieces))
        leave(self.connection)


def deliver(deliveries: Iterable[Delivery], port: int, trust: ssl.SSLContext | None = None) -> None:
    """Make all the deliveries, some at once, until the server has ended each connection.

    Args:
        deliveries: are changed.
        port: where the server listens on 127.0.0.1.
        trust: for a server of TLS.
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
    """Let the server work until an answer comes; where it is to read, no longer than a moment."""
    seconds = PAUSE if any(one.pieces for one in deliveries) else 1
    select.select([one.connection for one in deliveries], [], [], seconds)
