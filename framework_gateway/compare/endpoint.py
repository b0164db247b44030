"""``/compare/<path>``: send one request to every mount, and return the answers as JSON."""

import asyncio
import re
from collections.abc import Callable, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import quote

from anyio import CapacityLimiter, to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request as HTTPRequest
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from framework_gateway.compare.addresses import find_fault
from framework_gateway.compare.comparer import Comparer
from framework_gateway.compare.documents import render
from framework_gateway.compare.findings import Comparison
from framework_gateway.compare.guard import ALLOW_ALL, Guard, origin_of
from framework_gateway.compare.header_choice import HeaderChoice
from framework_gateway.compare.messages import PLACEHOLDER, SAFE, Request
from framework_gateway.compare.rules import Ignore, Rules
from framework_gateway.compare.streaming import MEDIA_TYPE, json_lines, while_connected
from framework_gateway.compare.targets import Application
from framework_gateway.security.identity import SAFE as SAFE_METHODS
from framework_gateway.wsgi.bodies import IncompleteBody, receive_body

PATH = "/compare"
MAX_COMPARISONS = 8  # comparisons at once; further ones wait
METHOD = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,32}")  # a token (RFC 9110, 5.6.2)
MAX_IGNORED = 50  # names and pointers
MAX_IGNORED_SIZE = 4000  # characters of the whole header
THREADS = 2  # threads that compare and render documents

# Headers of the connection (RFC 9110, 7.6.1), and those that the new request sets itself.
NOT_FORWARDED = {
    *("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding"),
    *("upgrade", "expect", "content-length"),
    *("compare-ignore", "compare-headers", "compare-order", "compare-method", "compare-response"),
}
# Browsers percent-encode braces in a path.
ENCODED_PLACEHOLDER = re.compile("%7Bframework%7D", re.IGNORECASE)
HEADERS = {"Cache-Control": "no-store"}

Compared = Callable[..., Coroutine[Any, Any, Comparison]]


class Compare:
    """ASGI endpoint below ``/compare``; passes on the method, headers, query and body.

    It reads these headers: ``Compare-Ignore`` is a comma-separated list of rules for what may
    differ, and ``Compare-Headers`` one of the headers that count, both as on the command line.
    ``Compare-Order: in-turn`` sends to one target after the other. ``Compare-Method`` replaces the
    method, for one that a browser cannot send or whose response has no body. A request with a safe
    method cannot name an unsafe one.

    With ``Compare-Response: lines`` the response has a JSON line for each answer, as soon as it has
    arrived, and a last one for the comparison. A client that disconnects ends the comparison.

    Args:
        prefixes: the prefixes of the mounts; only paths below them can be reached.
        max_body_size: the largest request body in bytes; then an HTTPException, 413.
        guard: refuses requests without permission.
        rules: what counts, unless the request says otherwise.
    """

    def __init__(
        self,
        prefixes: Sequence[str],
        max_body_size: int,
        guard: Guard = ALLOW_ALL,
        rules: Rules | None = None,
    ) -> None:
        self.prefixes = prefixes
        self.max_body_size = max_body_size
        self.guard = guard
        self.rules = rules or Rules()
        self.limiter = CapacityLimiter(THREADS)
        self.room = asyncio.Semaphore(MAX_COMPARISONS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        incoming = HTTPRequest(scope, receive)
        targets = self.targets(incoming)
        path = path_below(scope)
        check_path(path, [target.name for target in targets])
        method = method_of(incoming)
        rules = rules_of(incoming, self.rules)
        await self.guard.check(incoming)
        for each in {incoming.method, method} - SAFE_METHODS:
            self.guard.check_unsafe(incoming, each)
        try:
            file, _ = await receive_body(scope, receive, self.max_body_size)
        except IncompleteBody:
            return
        with file:
            body = file.read()
        request = Request(
            method=method,
            path=path,
            headers=[(k, v) for k, v in incoming.headers.items() if k not in NOT_FORWARDED],
            body=body,
        )
        in_turn = incoming.headers.get("compare-order") == "in-turn"
        # Each comparison holds the answers of all mounts in memory.
        async with self.room:
            comparer = Comparer(targets, rules, limiter=self.limiter)
            compare = partial(comparer.compare, request, in_turn=in_turn)
            lines = incoming.headers.get("compare-response") == "lines"
            answer = self.answer_in_lines if lines else self.answer_at_once
            await while_connected(answer(compare, scope, receive, send), receive)

    async def answer_at_once(
        self, compare: Compared, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Send the whole comparison as one document."""
        document = await to_thread.run_sync(render, await compare(), limiter=self.limiter)
        response = Response(document, headers=HEADERS, media_type="application/json")
        await response(scope, receive, send)

    async def answer_in_lines(
        self, compare: Compared, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Send each answer when it has arrived."""
        lines = json_lines(lambda notify: compare(on_answer=notify), self.limiter)
        async with aclosing(lines):
            response = StreamingResponse(lines, headers=HEADERS, media_type=MEDIA_TYPE)
            await response.stream_response(send)

    def targets(self, incoming: HTTPRequest) -> list[Application]:
        """Return the mounts of the application that serves this request."""
        scope = {name: incoming.scope.get(name) for name in ("client", "server", "http_version")}
        root_path = incoming.scope.get("root_path", "")
        return [
            Application(
                name=prefix.strip("/"),
                app=incoming.app,
                prefix=prefix,
                origin=origin_of(incoming),
                scope={**scope, "root_path": root_path},
            )
            for prefix in self.prefixes
        ]


def method_of(incoming: HTTPRequest) -> str:
    """Return the method for the targets.

    Raises:
        HTTPException: 400, the method is not a token of at most 32 characters, or the request is
            safe and Compare-Method is not.
    """
    method = incoming.headers.get("compare-method", incoming.method)
    if not METHOD.fullmatch(method):
        raise HTTPException(400, "The method must be a token of at most 32 characters.")
    method = method.upper()
    if incoming.method in SAFE_METHODS and method not in SAFE_METHODS:
        raise HTTPException(400, f"Compare-Method must be safe, because {incoming.method} is.")
    return method


def rules_of(incoming: HTTPRequest, rules: Rules) -> Rules:
    """Return the rules for a request: the given ones, changed by its headers.

    Raises:
        HTTPException: 400, a list is too long, or a rule is invalid.
    """
    try:
        ignore = [Ignore.parse(text) for text in list_of(incoming, "Compare-Ignore")]
        if any(rule.pattern is not None and rule.pattern.is_own for rule in ignore):
            # A client could choose one that takes hours.
            raise ValueError("regular expressions are for the command line only")
        if headers := list_of(incoming, "Compare-Headers"):
            rules = replace(rules, headers=HeaderChoice.parse(headers))
        changed = replace(rules, ignore=[*rules.ignore, *ignore])
        assert changed.pointers  # a wrong pointer raises ValueError here
    except ValueError as error:
        raise HTTPException(400, f"A rule is invalid: {error}.") from error
    return changed


def list_of(incoming: HTTPRequest, header: str) -> list[str]:
    """Return the items of a header with a comma-separated list.

    Raises:
        HTTPException: 400, the list is too long.
    """
    text = ",".join(incoming.headers.getlist(header))
    items = (item.strip() for item in text[:MAX_IGNORED_SIZE].split(","))
    names = [*dict.fromkeys(item for item in items if item)]
    if len(text) > MAX_IGNORED_SIZE or len(names) > MAX_IGNORED:
        raise HTTPException(400, f"{header} has at most {MAX_IGNORED} items.")
    return names


def path_below(scope: Scope) -> str:
    """Return the path after ``/compare``, percent-encoded, with the query.

    Raises:
        HTTPException: 404, the raw path does not start with ``/compare/``.
    """
    before = quote(scope.get("root_path", ""), safe=SAFE) + PATH
    # raw_path is optional in ASGI.
    raw_path: bytes = scope.get("raw_path") or quote(scope["path"], safe=SAFE).encode()
    path = raw_path.partition(b"?")[0].decode("latin-1")
    if not path.startswith(f"{before}/"):
        raise HTTPException(404)
    query = scope["query_string"].decode("latin-1")
    below = path[len(before) :] + (f"?{query}" if query else "")
    return ENCODED_PLACEHOLDER.sub(PLACEHOLDER, below)


def check_path(path: str, names: Sequence[str]) -> None:
    """Refuse a path that is ambiguous for any of the targets.

    Raises:
        HTTPException: 400.
    """
    path = path.partition("?")[0]
    for each in (path, *(path.replace(PLACEHOLDER, name) for name in names)):
        if fault := find_fault(each):
            raise HTTPException(400, fault)


def route_of(endpoint: Compare) -> Route:
    """Route all paths below ``/compare/``; Starlette's pattern would leave out line breaks."""
    route = Route(PATH + "/{path:path}", endpoint)
    route.path_regex = re.compile(f"^{re.escape(PATH)}/(?P<path>.*)$", re.DOTALL)
    return route
