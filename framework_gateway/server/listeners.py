"""Listening sockets, and how one is closed without a reset for those who have just connected."""

import ctypes
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress

# Seconds in which a connection that has begun is established, from the same network; whoever comes
# meanwhile is kept waiting for a second, so that longer would be no better.
HANDSHAKE = 0.02
SO_ATTACH_FILTER = 26  # of Linux; the socket module does not name it

FLAGS, SYN = 13, 0x02  # where a TCP header has its flags, and the one of a first packet (RFC 9293)
EVERYTHING = 0xFFFFFFFF

# Instructions of the Berkeley Packet Filter: code, where to jump if so and if not, operand.
LOAD_BYTE, JUMP_IF_SET, RETURN = 0x30, 0x45, 0x06
NO_FIRST_PACKETS = [
    (LOAD_BYTE, 0, 0, FLAGS),
    (JUMP_IF_SET, 0, 1, SYN),
    (RETURN, 0, 0, 0),
    (RETURN, 0, 0, EVERYTHING),
]


def drop_new_connections(listener: socket.socket) -> None:
    """Let no new connection begin, in any process that has the socket; those begun are finished.

    A kernel goes on to take connections until a listener is closed, and then resets those that
    nobody has accepted: however often one accepts before, another may have come since. So the
    first packet of each new one is dropped. Its client sends it again after a second, and is
    refused by then, or finds the next server on that address.

    Other systems than Linux have nothing for this: there, the socket is left as it is.
    """
    if sys.platform != "linux":
        return
    instructions = b"".join(struct.pack("HBBI", *each) for each in NO_FIRST_PACKETS)
    program = ctypes.create_string_buffer(instructions, len(instructions))
    fprog = struct.pack("HP", len(NO_FIRST_PACKETS), ctypes.addressof(program))
    listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, fprog)


def accept_all(listener: socket.socket) -> Iterator[socket.socket]:
    """Accept until no connection waits any more."""
    listener.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            yield listener.accept()[0]
