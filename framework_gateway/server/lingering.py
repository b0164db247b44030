"""Close a connection so that its client can still read the response."""

import socket
import struct
from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

if TYPE_CHECKING:
    from framework_gateway.server.protocol import Connection

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, with a timeout of 0 s


class LingeringTransport:
    """A transport that closes only when the client has read the response (RFC 9112, 9.6).

    If the server closes a connection while the client still sends, TCP resets the connection. Then
    the client may lose a response that has already arrived.
    """

    def __init__(self, connection: "Connection", cycle: RequestResponseCycle) -> None:
        self.write = connection.transport.write
        self.is_closing = connection.transport.is_closing
        self._connection = connection
        self._cycle = cycle

    def close(self) -> None:
        """Close, or linger while a request body is still arriving.

        An incomplete HTTP/1.0 response ends with a reset, because a close marks its end.
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
