"""Close a listening socket without resetting the connections that have just arrived."""

import ctypes
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress

# Seconds for a TCP handshake to complete within a local network. Clients that connect in this time
# have to retry after one second, so keep it short.
HANDSHAKE_TIME = 0.02
SO_ATTACH_FILTER = 26  # Linux only; the socket module does not define it

FLAGS, SYN = 13, 0x02  # offset of the flags in a TCP header; the flag of a first packet (RFC 9293)
WHOLE_PACKET = 0xFFFFFFFF

# Berkeley Packet Filter instructions: opcode, jump if true, jump if false, operand.
LOAD_BYTE, JUMP_IF_SET, RETURN = 0x30, 0x45, 0x06
DROP_SYN = [
    (LOAD_BYTE, 0, 0, FLAGS),
    (JUMP_IF_SET, 0, 1, SYN),
    (RETURN, 0, 0, 0),
    (RETURN, 0, 0, WHOLE_PACKET),
]


def drop_new_connections(listener: socket.socket) -> None:
    """Let no new connection begin, in any process that has the socket; handshakes still complete.

    The kernel completes handshakes until the listener is closed, and then resets the connections
    that have not been accepted. Accepting them just before the close is not enough, because another
    one may arrive in between. So a filter drops the first packet of each new connection. The client
    sends it again after one second. By then the address refuses connections, or the next server
    listens on it.

    On other systems than Linux, this does nothing.
    """
    if sys.platform != "linux":
        return
    instructions = b"".join(struct.pack("HBBI", *each) for each in DROP_SYN)
    program = ctypes.create_string_buffer(instructions, len(instructions))
    fprog = struct.pack("HP", len(DROP_SYN), ctypes.addressof(program))
    listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, fprog)


def accept_all(listener: socket.socket) -> Iterator[socket.socket]:
    """Accept connections until none is waiting."""
    listener.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            yield listener.accept()[0]
