"""The limits of a connection."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The limits of a connection.

    Attributes:
        max_head_size: bytes of a request's head, including its target; then 431.
        max_headers: headers of a request; then 431.
        max_connections: open connections of the process; then 503.
        head_timeout: seconds to receive the whole head; then 408, or no response if no byte has
            arrived.
        body_timeout: seconds to receive the whole body, plus one for each 500 bytes; then 408.
        send_timeout: seconds until a client that reads nothing is disconnected, as measured by
            ``framework_gateway.server.readers``.
        socket_rate: frames per second from a WebSocket client; then close code 1008.
    """

    max_head_size: int = 64 * 1024
    max_headers: int = 100
    max_connections: int = 4000
    head_timeout: float = 10.0
    body_timeout: float = 20.0
    send_timeout: float = 90.0
    socket_rate: float = 100.0
