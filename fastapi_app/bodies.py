"""Request bodies, by the contract's rules.

Path operations declare their body as FastAPI's own parameters do, with a Pydantic model. Only the
reading below the model is replaced, because the contract fixes two things that FastAPI does not
offer:

- The JSON parser. FastAPI calls ``json.loads``, which accepts NaN and lone surrogates and words
  its errors differently.
- The body limit. With ``FastAPI(max_body_size=...)`` Starlette sends its own plain-text 413, also
  in place of the response of an exception handler.

The errors become problem documents in ``fastapi_app.errors``.
"""

from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from contract.bodies import parse_json_object
from contract.problems import Problem


class JSONRequest(Request):
    """A request with a bounded body and the contract's JSON parser."""

    async def stream(self) -> AsyncGenerator[bytes]:
        """Yield the body.

        Raises:
            Problem: 413, the body is larger than the application's limit.
        """
        size = 0
        async for chunk in super().stream():
            size += len(chunk)
            if size > self.app.state.max_body_size:
                raise Problem(413)
            yield chunk

    async def json(self) -> dict[str, Any]:
        """Return the JSON object in the body.

        Raises:
            Problem: see ``parse_json_object``.
        """
        return parse_json_object(self.headers.get("content-type"), await self.body())


class JSONRoute(APIRoute):
    """A route that passes a ``JSONRequest`` to its path operation.

    This is FastAPI's documented way to customise the request (How-To: Custom Request and APIRoute
    class).
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            return await handler(JSONRequest(request.scope, request.receive))

        return handle
