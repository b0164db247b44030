"""What happens to a shadow that the gateway itself refuses."""

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import Response

from framework_gateway.migrate.attempts import is_own_fault
from framework_gateway.mounts.mount import Mount
from framework_gateway.mounts.routing import Refuse, render_as_text


class Busy(Exception):
    """A mount has refused a shadow, because too many requests are open."""


def refuse_for(mount: Mount) -> Refuse:
    """Return what answers a refused shadow as a client would be answered.

    The answer raises Busy if the gateway is at fault: it says nothing about the application.
    """

    async def refuse(connection: HTTPConnection, error: HTTPException) -> Response:
        if is_own_fault(error, mount):
            raise Busy from error
        return await render_as_text(connection, error)

    return refuse
