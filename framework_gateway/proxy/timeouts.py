"""What a server should have done by now."""

from framework_gateway.proxy.bodies import RequestBody
from framework_gateway.proxy.connection import Connection
from framework_gateway.proxy.errors import READ_TIMEOUT, RESPONSE_TIMEOUT, WRITE_TIMEOUT, Fault

CONTINUE_TIMEOUT = 1.0  # seconds to wait for 100 Continue; then the body is sent (RFC 9110, 10.1.1)


def overdue(
    connection: Connection,
    body: RequestBody,
    seconds: float,
    *,
    response_timeout: float,
    read_timeout: float | None,
) -> Fault | None:
    """Return which timeout has passed; None while it is not the server's turn.

    Args:
        connection: to the server.
        body: of the request.
        seconds: since bytes have last moved.
        response_timeout: seconds from the end of the request to the head of the response.
        read_timeout: seconds between two pieces of a body; None for no limit.
    """
    if connection.is_complete or connection.is_read_paused:
        return None
    if connection.is_write_paused:
        return WRITE_TIMEOUT if read_timeout is not None and seconds > read_timeout else None
    if body.has_more:
        return None  # the client's turn
    if not connection.status:
        return RESPONSE_TIMEOUT if seconds > response_timeout else None
    return READ_TIMEOUT if read_timeout is not None and seconds > read_timeout else None
