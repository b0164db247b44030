"""What a shadow sends: the request of a client, and the answer that the client has got."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from framework_gateway.compare.codings import decode_body
from framework_gateway.compare.messages import Answer, Headers, Request
from framework_gateway.compare.targets import IN_PROCESS
from framework_gateway.migrate.testers import Side

MARK = b"gateway-shadow"
# Headers of the connection (RFC 9110, 7.6.1), those that the new request sets itself, and
# conditions, because the client has its validators from one of the applications.
NOT_COPIED = frozenset(
    [
        *(b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade"),
        *(b"proxy-connection", b"expect", b"content-length", MARK),
        *(b"if-none-match", b"if-modified-since"),
    ]
)
FROM_SCOPE = ("client", "server", "scheme", "http_version", "user")


@dataclass(frozen=True)
class Job:
    """A request that a client has sent, and the answer that it has got.

    Attributes:
        route: such as ``GET /users/{id}``.
        side: the application that has answered.
        path: below the prefix, percent-encoded, with the query.
        scope: members of the ASGI scope for the other request.
        is_changed: whether the credentials of the client are not in it.
        size: bytes that it keeps of the budget.
        seconds: from the request to the head of the answer.
    """

    route: str
    side: Side
    method: str
    path: str
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes
    scope: Scope
    is_changed: bool
    size: int
    seconds: float
    status: int
    answer_headers: Sequence[tuple[bytes, bytes]]
    answer_body: bytes

    @property
    def other(self) -> Side:
        """The application that has not answered."""
        return "old" if self.side == "new" else "new"

    @property
    def request(self) -> Request:
        """The request of the shadow."""
        headers = as_text([one for one in self.headers if one[0] not in NOT_COPIED])
        return Request(self.method, self.path, (*headers, ("gateway-shadow", "1")), self.body)

    def answer(self, prefix: str, max_size: int, is_served: bool) -> Answer:
        """Return the answer that the client has got.

        Args:
            prefix: the prefix of the move.
            max_size: the largest body, in bytes.
            is_served: as in ``Answer``.

        Raises:
            NoAnswer: its body is longer without its content coding.
        """
        headers = as_text(self.answer_headers)
        sent = b"" if self.method == "HEAD" else self.answer_body
        body, is_decoded = decode_body(sent, headers, max_size)
        return Answer(
            target=self.side,
            url=IN_PROCESS + self.scope["root_path"] + prefix,
            request=self.request,
            seconds=self.seconds,
            status=self.status,
            headers=headers,
            body=body,
            wire_size=len(sent),
            is_decoded=is_decoded,
            is_served=is_served,
        )


class Timed:
    """An application that is called once.

    Attributes:
        seconds: until the head of its answer.
        error: what it has raised after a complete answer, as Starlette does for the server's log.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.seconds = 0.0
        self.error: Exception | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = perf_counter()
        is_complete = False

        async def note(message: Message) -> None:
            nonlocal is_complete
            if message["type"] == "http.response.start":
                self.seconds = perf_counter() - began
            elif message["type"] == "http.response.body":
                is_complete = not message.get("more_body", False)
            await send(message)

        try:
            await self.app(scope, receive, note)
        # An application may raise anything; what is compared is its answer.
        except Exception as error:
            if not is_complete:
                raise
            self.error = error


def as_text(headers: Sequence[tuple[bytes, bytes]]) -> Headers:
    """Return headers as text."""
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]


def members_for_shadow(scope: Scope) -> dict[str, Any]:
    """Return the members of a scope that a shadow has, too."""
    return {name: scope[name] for name in FROM_SCOPE if name in scope}
