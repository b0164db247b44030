"""The body of a request to one of the pages."""

from starlette.exceptions import HTTPException
from starlette.requests import Request


async def read_body(request: Request, limit: int) -> bytes:
    """Return the body.

    Args:
        request: the request.
        limit: the largest body, in bytes.

    Raises:
        HTTPException: 413, it is longer.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise HTTPException(413)
    return body
