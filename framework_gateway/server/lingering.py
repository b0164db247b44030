"""The end of a connection, so that its client reads what was sent before."""

import socket
import struct
from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

if TYPE_CHECKING:
    from framework_gateway.server.protocol import Connection

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, for no time


class Lingering:
    """A transport whose end waits until the client has read the answer (RFC 9112, 9.6).

    A connection that is closed while its client still sends is reset, and the client may never see
    the answer that it got meanwhile.
    """

    def __init__(self, connection: "Connection", cycle: RequestResponseCycle) -> None:
        self.write = connection.transport.write
        self.is_closing = connection.transport.is_closing
        self._connection = connection
        self._cycle = cycle

    def close(self) -> None:
        """Close, or linger while a body is still coming.

        An answer to HTTP/1.0 that was cut off ends with a reset: a close would end its body.
        """
        cycle, connection = self._cycle, self._connection
        is_cut_off = cycle.response_started and not cycle.response_complete
        if is_cut_off and cycle.scope["http_version"] == "1.0":
            own_socket = connection.transport.get_extra_info("socket")
            own_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            connection.transport.abort()
        elif connection.receiving:
            connection.linger()
        else:
            connection.transport.close()
