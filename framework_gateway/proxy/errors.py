"""What can go wrong with an upstream, with the error types of Proxy-Status (RFC 9209, 2.3)."""

import socket
import ssl
from dataclasses import dataclass

from starlette.exceptions import HTTPException

from framework_gateway.wsgi.middleware import BUSY_HEADERS

NAME = "framework-gateway"


@dataclass(frozen=True)
class Fault:
    """A kind of failure.

    Attributes:
        status: of the response to the client.
        name: the error type of Proxy-Status.
        text: one line for people.
    """

    status: int
    name: str
    text: str


REFUSED = Fault(502, "connection_refused", "the connection was refused")
UNROUTABLE = Fault(502, "destination_ip_unroutable", "the address cannot be reached")
UNKNOWN_HOST = Fault(502, "dns_error", "the host is unknown")
CERTIFICATE = Fault(502, "tls_certificate_error", "the certificate is not valid")
TLS = Fault(502, "tls_protocol_error", "TLS failed")
CONNECT_TIMEOUT = Fault(504, "connection_timeout", "the connection took too long")
CLOSED = Fault(502, "connection_terminated", "the connection ended before the response")
INCOMPLETE = Fault(502, "http_response_incomplete", "the response ended early")
READ_TIMEOUT = Fault(504, "connection_read_timeout", "the rest of the response took too long")
WRITE_TIMEOUT = Fault(504, "connection_write_timeout", "the request was not read in time")
RESPONSE_TIMEOUT = Fault(504, "http_response_timeout", "there was no response in time")
MALFORMED = Fault(502, "http_protocol_error", "the response is malformed")
HEAD_TOO_LARGE = Fault(502, "http_response_header_section_size", "the head is too large")
NOT_UPGRADED = Fault(502, "http_upgrade_failed", "the WebSocket handshake failed")
UNAVAILABLE = Fault(503, "destination_unavailable", "no server is available")
FULL = Fault(503, "connection_limit_reached", "the queue is full")
QUEUE_TIMEOUT = Fault(503, "connection_limit_reached", "the wait in the queue took too long")


class UpstreamError(Exception):
    """An upstream cannot answer a request.

    Attributes:
        fault: the kind of failure.
        was_idle: whether a kept connection ended without any answer.
        has_connected: whether a connection was established.
    """

    def __init__(
        self, fault: Fault, detail: str = "", *, was_idle: bool = False, has_connected: bool = True
    ) -> None:
        super().__init__(f"{fault.text}: {detail}" if detail else fault.text)
        self.fault = fault
        self.was_idle = was_idle
        self.has_connected = has_connected

    @property
    def is_failure_of_server(self) -> bool:
        """Whether the server may not work at all, rather than fail at one request."""
        return self.fault in (CLOSED, RESPONSE_TIMEOUT) or not self.has_connected

    def as_response(self, is_own_process: bool = False) -> HTTPException:
        """Return the error response; it names no address.

        A process of the gateway's own that takes no connection will soon be another one: 503.
        """
        status = self.fault.status
        if is_own_process and not self.has_connected:
            status = 503
        headers = {"Proxy-Status": f"{NAME}; error={self.fault.name}"}
        if status == 503:
            headers |= BUSY_HEADERS
        return HTTPException(status, headers=headers)


def fault_of(error: OSError) -> Fault:
    """Return the kind of failure of a connection attempt."""
    match error:
        case socket.gaierror():
            return UNKNOWN_HOST
        case ssl.SSLCertVerificationError():
            return CERTIFICATE
        case ssl.SSLError():
            return TLS
        case ConnectionError() | FileNotFoundError():
            return REFUSED
        case TimeoutError():
            return CONNECT_TIMEOUT
    return UNROUTABLE
