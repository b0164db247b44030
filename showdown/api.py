"""``/compare/<path>``: one request to every mount, and what they answer as one JSON document."""

from collections.abc import Sequence
from urllib.parse import quote

from starlette.requests import Request as HTTPRequest
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from bridge.bodies import BodyCutShort, receive_body
from showdown.compare import Comparer
from showdown.messages import Request
from showdown.targets import Application

PATH = "/compare"

# RFC 9110, 7.6.1, and what is said of a body anew.
NOT_PASSED_ON = {
    *("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding"),
    *("upgrade", "expect", "content-length"),
    *("compare-ignore", "compare-order", "compare-method"),
}


class Compare:
    """ASGI endpoint below ``/compare``; any method, headers, query and body are passed on.

    Three headers are for it alone: ``Compare-Ignore`` lists what may differ, separated by commas,
    as Comparer.compare takes it; ``Compare-Order: in-turn`` asks one after the other; and
    ``Compare-Method`` names a method that a browser cannot send, or whose answer has no body.

    Args:
        prefixes: of the mounts to ask; only paths below them can be reached.
        max_body_size: bytes of the longest request body; a longer one is an HTTPException, 413.
    """

    def __init__(self, prefixes: Sequence[str], max_body_size: int) -> None:
        self.prefixes = prefixes
        self.max_body_size = max_body_size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = HTTPRequest(scope, receive)
        try:
            file, _ = await receive_body(scope, receive, self.max_body_size)
        except BodyCutShort:
            return
        with file:
            body = file.read()
        request = Request(
            method=asked.headers.get("compare-method", scope["method"]).upper(),
            path=path_below(scope),
            headers=[(k, v) for k, v in asked.headers.items() if k not in NOT_PASSED_ON],
            body=body,
        )
        ignored = asked.headers.get("compare-ignore", "").split(",")
        comparison = await Comparer(self.targets(asked)).compare(
            request,
            ignore=[name.strip() for name in ignored if name.strip()],
            in_turn=asked.headers.get("compare-order") == "in-turn",
        )
        response = JSONResponse(comparison.as_dict(), headers={"Cache-Control": "no-store"})
        await response(scope, receive, send)

    def targets(self, asked: HTTPRequest) -> list[Application]:
        """Return the mounts of the application that serves this very request."""
        scope = {name: asked.scope.get(name) for name in ("client", "server", "http_version")}
        root_path = asked.scope.get("root_path", "")
        return [
            Application(
                name=prefix.strip("/"),
                app=asked.app,
                prefix=prefix,
                origin=f"{asked.url.scheme}://{asked.url.netloc}",
                scope={**scope, "root_path": root_path},
            )
            for prefix in self.prefixes
        ]


def path_below(scope: Scope) -> str:
    """Return what stands behind ``/compare`` in the address: percent-encoded, with the query."""
    before = quote(scope.get("root_path", "")) + PATH
    query: bytes = scope["query_string"]
    path: bytes = scope["raw_path"].partition(b"?")[0][len(before) :]
    return (path + (b"?" + query if query else b"")).decode("latin-1")
