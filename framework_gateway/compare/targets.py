"""Targets of a comparison: an application in this process, or a running server."""

import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import httpx2 as httpx
from starlette.applications import Starlette
from starlette.types import ASGIApp, Scope

from framework_gateway.compare.calls import ApplicationCall
from framework_gateway.compare.codings import decode_body
from framework_gateway.compare.isolated import mount_of
from framework_gateway.compare.messages import Answer, Failure, NoAnswer, Request
from framework_gateway.compare.words import describe
from framework_gateway.mounts.mount import Mount
from framework_gateway.mounts.routing import Mounts
from framework_gateway.mounts.starting import run_lifespans
from framework_gateway.processes.isolated import Isolated
from framework_gateway.proxy.upstream import Upstream
from framework_gateway.wsgi.errors import means_client_left
from framework_gateway.wsgi.middleware import RECORD

logger = logging.getLogger("framework_gateway")

IN_PROCESS = "http://localhost"
LONGEST_PATH = 500  # characters of a path in the log


class TargetError(Exception):
    """A target cannot be loaded or started; the message says why."""


class Target(Protocol):
    """Something that can answer requests.

    Attributes:
        name: identifies its answers, and replaces ``{framework}``.
        url: the URL in front of each request's path.
    """

    @property
    def name(self) -> str: ...

    @property
    def url(self) -> str: ...

    async def answer(self, request: Request, max_size: int) -> Answer:
        """Send a request; raise NoAnswer if the body is longer than ``max_size`` bytes."""


@dataclass(frozen=True)
class Application:
    """An ASGI application, or one of its mounts, called in this process.

    Attributes:
        origin: the origin of its server, for the curl command and the Host header.
        scope: members of the ASGI scope that replace the default ones.
        is_served: whether it only passes requests on, to a process of its own.
    """

    name: str
    app: ASGIApp
    prefix: str = ""
    origin: str = IN_PROCESS
    scope: Mapping[str, Any] = field(default_factory=dict)
    is_served: bool = False

    @property
    def url(self) -> str:
        root_path: str = self.scope.get("root_path", "")
        return self.origin + root_path + self.prefix

    async def answer(self, request: Request, max_size: int) -> Answer:
        record: dict[str, Any] = {}
        call = ApplicationCall(request.body, max_size)
        started = time.perf_counter()
        try:
            await self.app(self._scope(request, record), call.receive, call.send)
        # An application may raise anything; the server's answer to it is what is compared.
        except Exception as error:
            if call.is_too_long and means_client_left(error):
                raise call.too_long_error() from error
            # Starlette answers 500, then raises the exception again for the server to log.
            if not call.complete:
                raise
            # A query may contain personal data.
            path = request.path.partition("?")[0][:LONGEST_PATH]
            logger.error("%s %s in %s", request.method, path, self.name, exc_info=error)
        seconds = time.perf_counter() - started
        if call.is_too_long:
            raise call.too_long_error()
        if not call.complete:
            raise NoAnswer("the application returned without a complete answer")
        # Servers drop the body for HEAD, but some applications send one.
        sent = b"" if request.method == "HEAD" else b"".join(call.chunks)
        body, is_decoded = decode_body(sent, call.headers, max_size)
        return Answer(
            target=self.name,
            url=self.url,
            request=request,
            seconds=seconds,
            status=call.status,
            headers=call.headers,
            body=body,
            wire_size=len(sent),
            is_decoded=is_decoded,
            waiting=record.get("waiting"),
            running=record.get("running"),
            is_served=self.is_served,
        )

    def _scope(self, request: Request, record: dict[str, Any]) -> Scope:
        path, _, query = request.path.partition("?")
        raw_path = self.scope.get("root_path", "") + self.prefix + path
        headers = [(name.lower(), value) for name, value in request.raw_headers]
        names = [name for name, _ in headers]
        if b"host" not in names:
            headers.insert(0, (b"host", urlsplit(self.origin).netloc.encode()))
        if request.body and b"content-length" not in names:
            headers.append((b"content-length", b"%d" % len(request.body)))
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": urlsplit(self.origin).scheme,
            "path": unquote(raw_path),
            "raw_path": raw_path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": headers,
            "client": None,
            "server": None,
            RECORD: record,
            **self.scope,
        }


@dataclass(frozen=True)
class Server:
    """A running server, reached over HTTP.

    Attributes:
        url: without a slash at its end.
        client: sends nothing of its own, and keeps no cookies.
    """

    name: str
    url: str
    client: httpx.AsyncClient

    async def answer(self, request: Request, max_size: int) -> Answer:
        raw_path = (urlsplit(self.url).path + request.path).encode() or b"/"
        # Not build_request(), which adds headers and cookies of the client.
        sent = httpx.Request(
            request.method,
            # Keep the path as it is; joining URLs would normalise it.
            httpx.URL(self.url).copy_with(raw_path=raw_path),
            headers=request.raw_headers,
            content=request.body or None,
        )
        started = time.perf_counter()
        try:
            response, content = await self._send(sent, max_size)
        except httpx.TransportError as error:
            raise NoAnswer(describe(error), Failure.UNREACHABLE) from error
        seconds = time.perf_counter() - started
        headers = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in response.headers.raw]
        body, is_decoded = decode_body(content, headers, max_size)
        return Answer(
            target=self.name,
            url=self.url,
            request=request,
            seconds=seconds,
            status=response.status_code,
            headers=headers,
            body=body,
            wire_size=len(content),
            is_decoded=is_decoded,
            is_served=True,
        )

    async def _send(self, sent: httpx.Request, max_size: int) -> tuple[httpx.Response, bytes]:
        """Send a request; return the response, and its body as sent."""
        response = await self.client.send(sent, stream=True)
        body = bytearray()
        try:
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > max_size:
                    reason = f"the answer is longer than {max_size} bytes"
                    raise NoAnswer(reason, Failure.TOO_LONG)
        finally:
            await response.aclose()
        return response, bytes(body)


def stateless_client() -> httpx.AsyncClient:
    """Return a client without a timeout that accepts no cookies."""
    jar = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    # No proxies of the environment: a comparison asks exactly the addresses that it is given.
    return httpx.AsyncClient(timeout=None, cookies=jar, trust_env=False)


def check_address(url: str) -> None:
    """Refuse an address in front of which no path can be put.

    Raises:
        TargetError: it has no host, a wrong port, or a query.
    """
    try:
        parts = urlsplit(url)
        is_usable = bool(parts.hostname) and parts.port != 0 and not parts.query + parts.fragment
    except ValueError as error:
        raise TargetError(f"{url}: {error}") from error
    if not is_usable:
        raise TargetError(f"{url} is not the address of a server: scheme, host and prefix")


@asynccontextmanager
async def open_targets(targets: Mapping[str, Any]) -> AsyncIterator[Sequence[Target]]:
    """Start the targets.

    Args:
        targets: by name, each the URL of a server, or what ``isolated.mount_of`` takes.

    Raises:
        TargetError: an address is wrong, or an application could not be loaded or started.
    """
    servers: dict[str, Target] = {}
    mounts: dict[str, Mount] = {}
    async with AsyncExitStack() as stack:
        for name, target in targets.items():
            if isinstance(target, str) and target.startswith(("http://", "https://")):
                check_address(target)
                client = await stack.enter_async_context(stateless_client())
                servers[name] = Server(name, target.rstrip("/"), client)
            else:
                mounts[name] = mount_of(name, target)
        async with run_lifespans([*mounts.values()]):
            for mount in mounts.values():
                if mount.failure:
                    raise TargetError(mount.failure)
                if mount.fault:
                    raise TargetError(f"{mount.called}: {mount.fault}")
            yield [servers.get(name) or application_of(mounts[name], name) for name in targets]


def application_of(mount: Mount, name: str) -> Application:
    """Return the target for a mount that has started."""
    is_served = isinstance(mount.application, Isolated | Upstream)
    return Application(name, Mounts(Starlette(), [mount]), is_served=is_served)
