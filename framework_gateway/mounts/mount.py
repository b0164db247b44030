"""Mount a WSGI or ASGI application under a prefix, and route requests to it."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from time import perf_counter
from typing import Any, Self
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.routing import Mount as StarletteMount
from starlette.types import Receive, Scope, Send
from uvicorn.middleware.asgi2 import ASGI2Middleware

from framework_gateway.mounts.deadline import Interrupted, deadline, interruptible
from framework_gateway.mounts.django_settings import Load, SecondDjango, one_django
from framework_gateway.mounts.django_urls import import_urls
from framework_gateway.mounts.isolation import plan_for
from framework_gateway.mounts.lifespan import Lifespan
from framework_gateway.mounts.loading import ApplicationError, Kind, load
from framework_gateway.mounts.options import MountOptions
from framework_gateway.mounts.process_state import ProcessState, called
from framework_gateway.mounts.streams import STREAMS, Streams
from framework_gateway.mounts.threads import Threads, current_threads
from framework_gateway.processes.isolated import Isolated
from framework_gateway.processes.options import Process
from framework_gateway.processes.plan import Plan, current_environment
from framework_gateway.processes.states import ProcessStates
from framework_gateway.proxy.addresses import AddressError, addresses_in
from framework_gateway.proxy.heads import PREFIX
from framework_gateway.proxy.upstream import Upstream
from framework_gateway.security.checks import check_headers, check_target
from framework_gateway.security.names import NAMES, header_names
from framework_gateway.wsgi.bodies import GuardedReceive, serve_limited
from framework_gateway.wsgi.errors import means_client_left
from framework_gateway.wsgi.middleware import BUSY_HEADERS, WSGIMiddleware

logger = logging.getLogger("framework_gateway")

FAILURE_HEADERS = {"Retry-After": "30"}
LONG_STEP = 1.0  # seconds that a start may block the other mounts without a word in the log
STOP_MARGIN = 2.0  # seconds that a stop may take after the grace period, to report what is left


class Mount(StarletteMount):
    """A WSGI or ASGI application under a prefix.

    The application is loaded when the mount starts. If it cannot be imported or started, whatever
    it raises, its prefix answers 503, ``failure`` says why, and the other mounts still serve.

    Args:
        path: the prefix, one or more whole segments, such as ``/shop``; ``/`` for all paths that
            no other mount has.
        application: an argument of ``framework_gateway.mounts.loading.load``, or addresses as for
            ``framework_gateway.proxy.addresses.addresses_in``.
        target: how messages call an application that is compared, and not mounted.
        options: the members of ``framework_gateway.mounts.options.MountOptions``.

    Attributes:
        kind: ``asgi`` or ``wsgi``; None until the application is loaded.
        application: the loaded application.
        failure: why the prefix answers 503; None if the application works.
        fault: what is wrong with an application that serves all the same.
        open: the number of open requests and WebSockets.
        shed: the number of refused requests.
    """

    def __init__(
        self, path: str, application: Any, *, target: str | None = None, **options: Any
    ) -> None:
        super().__init__(path, self._not_loaded)
        self.source = application
        self.kind: Kind | None = None
        self.application: Any = None
        self.failure: str | None = None
        self._fault: str | None = None
        self.keeps_prefix = False  # whether /prefix and /prefix/ are two paths of the application
        self.open = self.shed = 0
        self.label = target or self.path or "/"
        self.process_state = ProcessState(self.label, logger.warning)
        self.process_states: ProcessStates | None = None
        self._environment = current_environment()
        self._given = options
        self._retry_after = FAILURE_HEADERS
        self._is_loaded = False
        self.configure()

    def configure(self, **defaults: Any) -> None:
        """Set the options that were not given to the mount, before it loads."""
        if self._is_loaded:
            return
        self.options = options = MountOptions(**{**defaults, **self._given})
        # Attributes for what each request reads.
        self.max_requests = options.max_requests
        self.max_body_size = options.max_body_size
        self.login = options.login
        self.page_headers = options.page_headers
        self.strip_prefix = bool(options.strip_prefix)
        self.request_timeout = options.request_timeout
        self.streams = Streams(options.max_streams, options.max_streams_of_client)
        self.threads = Threads(self.label, Load(self.label))

    def set_options(self, **options: Any) -> None:
        """Give the mount more options, before it loads.

        Raises:
            ValidationError: an option is unknown or does not fit; the mount is as before.
        """
        MountOptions(**options)
        self._given = {**self._given, **options}
        self.configure()

    def load(self) -> Self:
        """Import the application, unless that has been done; if it fails, set ``failure``."""
        if self._is_loaded:
            return self
        self._is_loaded = True
        options = self.options
        try:
            self.application, self.kind = self._load_or_move()
        except Interrupted:
            raise
        # An import may raise anything; SystemExit must not end the other mounts.
        except BaseException as error:
            self._fail("could not be loaded", error)
            return self
        self.app = self.application
        if self.kind == "wsgi":
            self.app = WSGIMiddleware(
                self.application,
                threads=options.threads,
                queue_size=options.queue_size,
                queue_timeout=options.queue_timeout,
                max_body_size=options.max_body_size,
                grace=options.grace,
            )
        elif isinstance(self.application, Upstream):
            self.strip_prefix = False  # it does that itself
            self.keeps_prefix = not self.application.is_stripped
        self.lifespan = Lifespan(self.app, self._watch_step, self._note_end)
        return self

    def _load_or_move(self) -> tuple[Any, Kind]:
        """Load the application; one that this process cannot have gets a process of its own."""
        try:
            with (
                interruptible(),
                deadline(self.options.start_timeout),
                self.process_state.watch(),
                one_django(self.label),
            ):
                return self._find_application()
        except SecondDjango as error:
            return self._move(error), "asgi"

    def _find_application(self) -> tuple[Any, Kind]:
        """Return the application that the source names, and its kind."""
        if addresses := addresses_in(self.source):
            if self.options.process is not None:
                raise ApplicationError(f"{self.source!r} runs elsewhere, in no process of its own")
            return Upstream(addresses, self.options), "asgi"
        if self.options.process is not None:
            return Isolated(self.plan(), self.options, self.process_states), "asgi"
        found = load(self.source, self.options.kind)
        import_urls()
        return found

    def plan(self, process: Process | None = None) -> Plan:
        """Return how to run the application in a process of its own.

        Args:
            process: options in place of those of the mount.

        Raises:
            ApplicationError: the process can neither import the application nor has a command.
        """
        process = process or self.options.process or Process()
        options, environment = self.options, self._environment
        return plan_for(self.label, self.path, self.source, options, environment, process)

    def _move(self, refusal: SecondDjango) -> Isolated:
        """Run an application that this process cannot have in a process of its own.

        Raises:
            SecondDjango: only its object is known.
        """
        if not isinstance(self.source, str):
            raise refusal
        logger.warning("%s runs in a process of its own: %s", self.called, refusal.reason)
        return Isolated(self.plan(Process(environment=refusal.variables)), self.options)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match the prefix by whole segments, with or without a slash after it.

        Starlette's own regular expression does not match a path with a line break.

        Raises:
            HTTPException: 307, relative links of the page at ``/prefix`` need a slash after it.
        """
        if scope["type"] not in ("http", "websocket"):
            return Match.NONE, {}
        outer = scope.get("root_path", "")
        child_scope = self.child_scope(scope, outer + self.path)
        if child_scope is None:
            return Match.NONE, {}
        child_scope["app_root_path"] = scope.get("app_root_path", outer)
        return Match.FULL, child_scope

    def child_scope(self, scope: Scope, prefix: str) -> Scope | None:
        """Return what a request to this mount adds to its scope; None if it is to another.

        Args:
            scope: an HTTP or WebSocket scope.
            prefix: the prefix of the mount behind the root path of the scope.

        Raises:
            HTTPException: 307, as ``matches``.
        """
        path: str = scope["path"]
        if not path.startswith(prefix):
            return None
        child_scope = {"root_path": prefix, "endpoint": self.app, PREFIX: self.path}
        if path == prefix and not self.keeps_prefix:
            if self.path and self.options.redirect and scope.get("method") in ("GET", "HEAD"):
                raise HTTPException(307, headers={"Location": self._address_of_root(scope)})
            # The root of the application, as for ``/prefix/``.
            raw_path = scope.get("raw_path")
            child_scope |= {"path": path + "/", "raw_path": raw_path and raw_path + b"/"}
        elif path != prefix and path[len(prefix)] != "/":
            return None
        return child_scope

    def _address_of_root(self, scope: Scope) -> str:
        """Return the relative address of ``/prefix/``, which holds behind any proxy."""
        query = scope["query_string"].decode("latin-1")
        return quote(self.path.rpartition("/")[2]) + "/" + (query and f"?{query}")

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request as a Starlette route; the headers have not been checked yet."""
        self.load()
        check_headers(scope)
        await self.serve(scope, receive, send)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request; answer 503 if the application has failed or the mount is full."""
        check_target(scope, scope["root_path"])
        if self.failure is not None:
            return await self._refuse(scope, send, self._retry_after)
        if self.open >= self.max_requests:
            self.shed += 1
            return await self._refuse(scope, send, BUSY_HEADERS)
        is_framed = header_names(scope).is_framed
        del scope[NAMES]  # the application may change the list of headers
        scope[STREAMS] = self.streams
        if self.lifespan.state:
            scope["state"] = {**scope.get("state", {}), **self.lifespan.state}
        current_threads.set(self.threads)
        if self.strip_prefix:
            strip_prefix(scope)
        self.open += 1
        try:
            if self.kind == "asgi" and scope["type"] == "http":
                if is_framed or not scope["http_version"].startswith("1"):
                    await serve_limited(self.app, self.max_body_size, scope, receive, send)
                else:
                    await self.app(scope, GuardedReceive(receive, 0), send)  # has no body
            elif self.kind == "asgi":
                with self.streams.open(scope):
                    await self.app(scope, GuardedReceive(receive), send)
            else:
                await self.app(scope, receive, send)
        # An application that stops because its client has left has not failed.
        except Exception as error:
            if not means_client_left(error):
                raise
        finally:
            self.open -= 1

    async def startup(self) -> None:
        """Start the application; if that fails or takes too long, set ``failure``."""
        if not self.is_startable:
            return
        seconds = self.options.start_timeout
        self.set_starting()
        self._fault = None
        context = copy_context()
        context.run(current_threads.set, self.threads)
        try:
            # Not wait_for(): it would wait for an application that ignores its cancellation.
            async with asyncio.timeout(seconds):
                await self.lifespan.startup(context)
        except TimeoutError:
            self._fail("could not be started", TimeoutError(f"it took longer than {seconds:g} s"))
        # Usually LifespanFailed; any other error must not keep the others from starting.
        except Exception as error:
            self._fail("could not be started", error)
        else:
            self.failure = None

    def shares_lifespan(self, other: "Mount") -> bool:
        """Return whether both mounts have the same ASGI application; WSGI has no lifespan."""
        if not self.kind == other.kind == "asgi":
            return False
        one, two = (
            mount.application.app
            if isinstance(mount.application, ASGI2Middleware)
            else mount.application
            for mount in (self, other)
        )
        return bool(one == two)  # not "is": a bound method is a new object each time

    def follow(self, other: "Mount") -> None:
        """Share the lifespan of another mount of the same application, and its outcome."""
        self.lifespan = other.lifespan
        self.failure, self._retry_after = other.failure, other._retry_after

    @property
    def is_startable(self) -> bool:
        """Whether the application was loaded and has a lifespan to run."""
        if self.load().kind == "asgi" and not isinstance(self.application, Upstream):
            return self.options.lifespan
        return self.kind is not None

    def set_starting(self) -> None:
        """Answer 503 until the start has ended."""
        self.failure = f"{self.called} is starting"
        self._retry_after = BUSY_HEADERS

    async def shutdown(self) -> None:
        """Stop the application within its grace period; only log a failure."""
        if not self.is_startable:
            return
        try:
            async with asyncio.timeout(self.options.grace + STOP_MARGIN):
                await self.lifespan.shutdown()
        except TimeoutError:
            logger.error("%s did not stop within %g s", self.called, self.options.grace)
        # An application may raise anything; the others must still be stopped.
        except Exception:
            logger.exception("%s did not stop cleanly", self.called)
        self.threads.close()

    @contextmanager
    def _watch_step(self) -> Iterator[None]:
        """Watch one step of the start, which keeps the event loop from everything else."""
        began = perf_counter()
        with deadline(self.options.start_timeout), self.process_state.watch():
            yield
        if (blocked := perf_counter() - began) > LONG_STEP:
            logger.warning(
                "%s blocked all mounts for %.1f s when it started; run what takes long in a thread"
                " (asyncio.to_thread)",
                self.called,
                blocked,
            )

    def _note_end(self, error: BaseException) -> None:
        """Note that the lifespan has ended; the application may still serve some requests."""
        self._fault = f"the lifespan of the application has ended: {error!r}"
        logger.error("%s: its lifespan has ended", self.called, exc_info=error)

    @property
    def fault(self) -> str | None:
        """What is wrong with an application that serves all the same."""
        if self._fault is None and isinstance(self.application, Upstream):
            return self.application.fault
        return self._fault

    @property
    def called(self) -> str:
        """How messages call the application."""
        return called(self.label)

    def _fail(self, what: str, error: BaseException) -> None:
        # The text of the gateway's own errors says it all.
        is_own = isinstance(error, ApplicationError | AddressError)
        reason = error if is_own or isinstance(error, TimeoutError) else repr(error)
        self.failure = f"{self.called} {what}: {reason}"
        self._retry_after = FAILURE_HEADERS
        logger.error(
            "%s; its prefix answers 503 until the gateway is restarted",
            self.failure if is_own else f"{self.called} {what}",
            exc_info=None if is_own else error,
        )

    async def _refuse(self, scope: Scope, send: Send, retry_after: dict[str, str]) -> None:
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close", "code": 1013})
        raise HTTPException(503, headers=retry_after)

    async def _not_loaded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Placeholder for an application that could not be loaded; never called."""


def strip_prefix(scope: Scope) -> None:
    """Remove the root path from the path, as for an application at the root of a server."""
    root_path = scope["root_path"]
    scope["root_path"] = ""
    scope["path"] = scope["path"].removeprefix(root_path)
    if raw_path := scope.get("raw_path"):
        scope["raw_path"] = raw_path.removeprefix(quote(root_path).encode())
