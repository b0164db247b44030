"""How requests reach the path operations: ids in paths, JSON in bodies."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.convertors import Convertor, register_url_convertor

from contract.bodies import parse_json_object
from contract.problems import Problem
from contract.schemas import ID_PATTERN


class UserIdConvertor(Convertor[int]):
    """A positive integer below 2^63, in its one spelling."""

    regex = ID_PATTERN

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


register_url_convertor("user_id", UserIdConvertor())


class JSONRequest(Request):
    """A request whose body is read up to the limit and parsed by the contract's rules."""

    async def load(self, *, optional: bool) -> None:
        """Read and parse the body; raise its Problem before FastAPI looks at it."""
        body = bytearray()
        async for chunk in self.stream():
            body += chunk
            if len(body) > self.app.state.max_body_size:
                raise Problem(413)
        self._body = bytes(body)
        if optional and not body:
            return
        self.document = parse_json_object(self.headers.get("content-type"), self._body)

    async def json(self) -> dict[str, Any]:
        return self.document


class JSONRoute(APIRoute):
    """A path operation that takes its body from a JSONRequest."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()
        if self.body_field is None:
            return handler
        optional = not self.body_field.field_info.is_required()

        async def handle(request: Request) -> Response:
            request = JSONRequest(request.scope, request.receive)
            await request.load(optional=optional)
            return await handler(request)

        return handle
