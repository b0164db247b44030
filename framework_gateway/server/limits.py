"""What a connection may take."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What a connection may take.

    Attributes:
        max_head_size: bytes of a request's head, its target included; then 431.
        max_headers: headers of a request; then 431.
        max_connections: connections open at once in the process; then 503.
        head_timeout: seconds for the whole head; then 408, or the end where not a byte has come.
        body_timeout: seconds for the whole body, and one more for each 500 bytes; then 408.
        send_timeout: seconds without progress until a reader that stalls is cut off, as
            ``framework_gateway.server.readers`` measures them.
        socket_rate: frames a second that a WebSocket's client may send; then close code 1008.
    """

    max_head_size: int = 64 * 1024
    max_headers: int = 100
    max_connections: int = 4000
    head_timeout: float = 10.0
    body_timeout: float = 20.0
    send_timeout: float = 90.0
    socket_rate: float = 100.0
