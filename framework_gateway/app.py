"""The gateway: mounts applications under prefixes, and adds limits, logs, metrics and security."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext, suppress
from contextvars import ContextVar
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from framework_gateway.compare.guard import ALLOW_ALL, CLOSED
from framework_gateway.compare.rules import Rules
from framework_gateway.config import Config, get_config
from framework_gateway.errors import Errors, Problem
from framework_gateway.mounts.first_request import FirstRequest
from framework_gateway.mounts.loading import ApplicationError
from framework_gateway.mounts.mount import Mount
from framework_gateway.mounts.routing import Mounts, Routed
from framework_gateway.mounts.starting import run_lifespans
from framework_gateway.observability.access_log import AccessLog
from framework_gateway.observability.health import Check, Health
from framework_gateway.observability.observer import Observer
from framework_gateway.observability.request_id import request_id
from framework_gateway.observability.watched import Watched
from framework_gateway.pages.site import Site
from framework_gateway.prefixes import OWN_PATHS, check_prefix
from framework_gateway.problems import problem
from framework_gateway.processes.isolated import states_of
from framework_gateway.processes.plan import Plan
from framework_gateway.processes.states import ProcessStates
from framework_gateway.proxy.timeouts import sooner
from framework_gateway.security.headers import SecurityHeaders
from framework_gateway.security.hosts import Hosts
from framework_gateway.security.identity import Admission
from framework_gateway.security.proxies import Proxies
from framework_gateway.wsgi.threads import set_switch_interval

if TYPE_CHECKING:
    from framework_gateway.migrate.control import Control
    from framework_gateway.migrate.move import Move
    from framework_gateway.observability.metrics import Metrics
    from framework_gateway.observability.tracing import Tracing

logger = logging.getLogger("framework_gateway")

HSTS_SECONDS = 365 * 24 * 3600
# Load balancers and Prometheus request these by IP address, not by host name.
PROBES = ["/health/", "/metrics"]
START_WAIT = 3.0  # seconds to wait for applications to start before the gateway serves the others

Find = Callable[[], str | None]  # returns a fault as one line, or None


class StartFailed(Exception):
    """An application could not be loaded or started, and the setting ``fail_fast`` is on."""


class Gateway(Starlette):
    """A Starlette application that mounts WSGI and ASGI applications in one process.

    It loads the applications when it starts, or when ``mounts`` is first read. Under a server that
    runs no lifespan, the first request starts them.

    Args:
        applications: maps a prefix, such as ``/shop``, to a WSGI or ASGI application, a factory
            that returns one, an import string of either, or the addresses of servers; or a sequence
            of Mounts, which can have options of their own.
        config: the settings; read from the environment by default.
        admit: authenticates the requests of mounts with the option ``login``, and refuses those
            without permission.
        site: returns the pages, given the mounts, the maximum body size, the links, and ``rules``
            by its name. By default, the pages that send requests are closed in production: the
            gateway knows no staff.
        rules: what counts when the mounts are compared, on the pages and by ``gateway compare``.
        links: maps names to paths of useful pages; ``gateway serve`` prints them. The default is
            the root of each application.
        needs: checks that must pass for ``/health/ready`` to answer 200.
        optional_checks: checks whose failures ``/health/ready`` shows as warnings.
        at_start: a function that runs in a thread before the first request.
        problem: renders the gateway's own errors from status, detail and headers.
        request_id: holds the id of the current request.
        companions: maps names to commands that run as long as the gateway runs.
        tasks: returns background tasks of this process, by name. ``/health/ready`` names those
            that are down as warnings, and ``/metrics`` counts their restarts.
        moves: APIs that move from one application to another.
        find_workers_fault: returns why the gateway cannot run in several processes, or None.
    """

    def __init__(
        self,
        applications: Mapping[str, Any] | Sequence[Mount] = (),
        *,
        config: Config | None = None,
        admit: Admission | None = None,
        site: Callable[..., Site] | None = None,
        rules: Rules | None = None,
        links: Mapping[str, str] | None = None,
        needs: Mapping[str, Check] | None = None,
        optional_checks: Mapping[str, Check] | None = None,
        at_start: Callable[[], None] | None = None,
        problem: Problem = problem,
        request_id: ContextVar[str] = request_id,
        companions: Mapping[str, Sequence[str]] | None = None,
        tasks: Callable[[], Mapping[str, Watched]] = dict,
        moves: "Sequence[Move]" = (),
        find_workers_fault: Find = lambda: None,
    ) -> None:
        self.config = config or get_config()
        if isinstance(applications, Mapping):
            applications = [Mount(prefix, app) for prefix, app in applications.items()]
        self.planned = {mount.path: mount for mount in applications}
        self.moves: dict[str, Move] = {}
        for move in moves:
            self.add_move(move)
        for path in self.planned:
            check_prefix(path)
        self.admit = admit
        self.site = site or partial(Site, guard=ALLOW_ALL if self.config.pages_are_open else CLOSED)
        self.rules = rules or Rules()
        if links is None:
            prefixes = [mount.path for mount in self.planned.values() if not self.is_new(mount)]
            links = {prefix or "Root": f"{prefix}/" for prefix in prefixes}
        self.links = {"Compare": "/", **links}
        if "" in self.planned:
            del self.links["Compare"]  # the application at "/" has the place of the pages
        self.needs = {**(needs or {})}
        self.optional_checks = {**(optional_checks or {})}
        self.at_start = at_start
        self.request_id = request_id
        self.companions = {**(companions or {})}
        self.tasks = tasks
        self.companion_states: Mapping[str, Watched] = {}
        self.find_workers_fault = find_workers_fault
        self.access_log: AccessLog | None = None
        self.starts: asyncio.Future[Any] | None = None  # done when all applications have started
        self._is_running = False
        self._first_request = FirstRequest(super().__call__)
        self._errors = Errors(problem, lambda: self.pages)
        self.refuse = self._errors.refuse
        self.metrics_dir = self.config.metrics_dir  # shared with the other processes
        self._tracing = load_tracing() if self.config.traces else None
        super().__init__(
            exception_handlers={
                HTTPException: self._errors.answer_error,
                Exception: self._errors.answer_exception,
            },
            lifespan=Gateway._run,
        )
        self.router.redirect_slashes = False
        self.state.stopping = False

    def mount_application(self, prefix: str, application: Any, **options: Any) -> None:
        """Add an application, before the gateway starts; it replaces one at the same prefix.

        Args:
            prefix: such as ``/shop``; ``/`` for all paths that no other mount has.
            application: as for ``Mount``.
            options: as for ``Mount``.

        Raises:
            ValueError: the prefix has a path that the gateway itself serves.
        """
        mount = Mount(prefix, application, **options)
        check_prefix(mount.path)
        if mount.path in self.planned:
            below = f"{mount.path}/"
            self.links = {k: v for k, v in self.links.items() if not v.startswith(below)}
        if (move := self.moves.pop(mount.path, None)) is not None:
            del self.planned[move.mounts["new"].label]
        self.planned[mount.path] = mount
        self.links[mount.path or "Root"] = f"{mount.path}/"

    def add_move(self, move: "Move") -> None:
        """Add a move, before the gateway starts; it replaces what is at its prefix.

        Raises:
            ValueError: the prefix has a path that the gateway itself serves.
        """
        check_prefix(move.path)
        self.moves[move.path] = move
        self.planned[move.path] = move.mounts["old"]
        self.planned[move.mounts["new"].label] = move.mounts["new"]

    def is_new(self, mount: Mount) -> bool:
        """Return whether a mount is the new application of a move, and has no prefix of its own."""
        move = self.moves.get(mount.path)
        return move is not None and move.mounts["new"] is mount

    @cached_property
    def controls(self) -> "list[Control]":
        """What serves the moves; their applications are loaded when this is first read."""
        if not self.moves:
            return []
        # Only now: most gateways have no moves, and need not wait for these imports.
        from framework_gateway.migrate.starting import start_moves

        assert self.mounts
        return start_moves(self.moves, self.config, self.rules, self.metrics)

    @property
    def routed(self) -> list[Routed]:
        """What serves the prefixes."""
        moved = {control.path: control.mount for control in self.controls}
        return [moved.get(mount.path, mount) for mount in self.own_mounts]

    @cached_property
    def mounts(self) -> list[Mount]:
        """The mounts; they are loaded when this is first read."""
        self._configure_mounts()
        return [mount.load() for mount in self.planned.values()]

    @property
    def own_mounts(self) -> list[Mount]:
        """The mounts that have a prefix of their own: all but the new applications of moves."""
        return [mount for mount in self.mounts if not self.is_new(mount)]

    def _configure_mounts(self) -> None:
        config = self.config
        defaults = {
            "max_requests": config.max_requests,
            "max_body_size": config.max_body_size,
            "max_streams": config.max_streams,
            "max_streams_of_client": config.max_streams_of_client,
            "threads": config.threads,
            "queue_size": config.max_requests,
            "grace": config.graceful_timeout,
            "start_timeout": config.start_timeout,
            "response_timeout": sooner(config.request_timeout),
        }
        for mount in self.planned.values():
            mount.configure(**defaults)

    def load(self, make_loop: Callable[[], asyncio.AbstractEventLoop]) -> asyncio.AbstractEventLoop:
        """Import the applications before the event loop runs, as gunicorn does.

        Each finds the loop as the current one, also where another application has set, unset or
        closed it.

        Args:
            make_loop: makes the event loop.

        Returns:
            The loop that is to run.
        """
        loop = make_loop()
        self._configure_mounts()
        for mount in self.planned.values():
            asyncio.set_event_loop(loop)
            mount.load()
            if loop.is_closed():
                logger.warning("%s closed the event loop; a new one is made", mount.called)
                loop = make_loop()
        asyncio.set_event_loop(loop)
        return loop

    @cached_property
    def tracing(self) -> "Tracing | None":
        """The OpenTelemetry tracing; None unless the settings enable it."""
        if self._tracing is None:
            return None
        tracing = self._tracing()
        for mount in self.mounts:
            mount.app = tracing.wrap(mount.app, mount.path.strip("/"))
        return tracing

    @cached_property
    def metrics(self) -> "Metrics":
        """The Prometheus metrics."""
        mounts = self.mounts
        # Only now: an application may set PROMETHEUS_MULTIPROC_DIR for its own metrics, which
        # prometheus_client reads when it is first imported.
        from framework_gateway.observability.metrics import Metrics

        return Metrics(mounts, self.metrics_dir, self.companion_states, self.tasks)

    @cached_property
    def outer_middleware(self) -> Sequence[Middleware]:
        """The outer middleware, which also wraps the mounts; outermost first."""
        config = self.config
        refuse = self._errors.answer_error
        return [
            Middleware(Proxies, config.trusted_proxies, config.root_path),
            Middleware(
                Observer,
                request_id=self.request_id,
                security=SecurityHeaders(hsts=HSTS_SECONDS if config.env == "production" else 0),
                metrics=self.metrics,
                refuse=refuse,
                timeout=config.request_timeout,
                access_log=self.access_log,
            ),
            *([Middleware(self.tracing.wrap)] if self.tracing else []),
            Middleware(
                Mounts,
                self.routed,
                refuse=refuse,
                admit=self.admit,
                check_host=Hosts(config.allowed_hosts, exempt=PROBES),
                own=[*OWN_PATHS, *self.pages.error_assets],
            ),
        ]

    def build_middleware_stack(self) -> ASGIApp:
        """Wrap Starlette's own middleware stack in the outer middleware."""
        set_switch_interval()
        health = Health(
            lambda: self.failures,
            needs=self.needs,
            optional=self.optional_checks,
            watched=lambda: self.watched,
        )
        self.router.routes += [
            Route("/health/live", health.live),
            Route("/health/ready", health.ready),
            Route("/metrics", self.metrics.show),
            *self.pages.routes,
        ]
        app = super().build_middleware_stack()
        for cls, args, kwargs in reversed(self.outer_middleware):
            app = cls(app, *args, **kwargs)
        return app

    @cached_property
    def pages(self) -> Site:
        """The pages at ``/``."""
        size = self.config.max_compare_size
        site = self.site(self.own_mounts, size, self.links, rules=self.rules)
        if self.controls:
            site.add_moves(self.controls)
        return site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request; start the applications if the server has not done so."""
        if not self._is_running and scope["type"] != "lifespan":
            await self._first_request.wait_for_start()
        if self.middleware_stack is None:
            self.middleware_stack = self.build_middleware_stack()
        scope["app"] = self  # as Starlette does
        await self.middleware_stack(scope, receive, send)

    @asynccontextmanager
    async def _run(self) -> AsyncIterator[None]:
        wait = None if self.config.fail_fast else START_WAIT
        async with (
            run_lifespans(self.mounts, wait) as self.starts,
            self.tracing or nullcontext(),
            AsyncExitStack() as stack,
        ):
            if self.config.fail_fast and (failures := self.failures):
                raise StartFailed("; ".join(failures.values()))
            if self.at_start is not None:
                await asyncio.to_thread(self.at_start)
            for control in self.controls:
                await stack.enter_async_context(control.running())
            self._is_running = True
            try:
                yield
            finally:
                self._is_running = False

    def watch_processes(self, states: Mapping[str, ProcessStates]) -> None:
        """Use processes that another process supervises, before the gateway starts.

        Args:
            states: by the label of the mount.
        """
        for mount in self.planned.values():
            mount.process_states = states.get(mount.label)

    @property
    def plans(self) -> list[Plan]:
        """What runs in processes of its own because the options of a mount say so."""
        self._configure_mounts()
        isolated = [mount for mount in self.planned.values() if mount.options.process is not None]
        found: list[Plan] = []
        for mount in isolated:
            with suppress(ApplicationError):  # the mount says so when it loads
                found.append(mount.plan())
        return found

    def watch_companions(self, states: Mapping[str, Watched]) -> None:
        """Show the states of companions in readiness and metrics, before the gateway starts."""
        self.companion_states = states

    @property
    def watched(self) -> dict[str, Watched]:
        """The companions and the background tasks, by the names that ``/health/ready`` shows."""
        return {
            **{f"companion {name}": state for name, state in self.companion_states.items()},
            **{f"task {name}": task for name, task in self.tasks().items()},
            **{f"move {control.path or '/'}": control for control in self.controls},
            **{
                f"processes of {one.label}": one
                for one in states_of(mount.application for mount in self.mounts)
            },
        }

    async def wait_until_started(self) -> None:
        """Wait until all applications have started or failed; the lifespan must be running."""
        if self.starts is not None:
            await asyncio.wait([self.starts])

    @property
    def failures(self) -> dict[str, str]:
        """What is wrong with mounts, by prefix.

        The new application of a move is not among them, because the old one answers in its place.
        """
        found = {mount.label: mount.failure or mount.fault for mount in self.own_mounts}
        return {label: text for label, text in found.items() if text is not None}


def load_tracing() -> "type[Tracing]":
    """Import the class Tracing, which needs the extra ``otel``.

    Raises:
        SystemExit: the OpenTelemetry packages are not installed.
    """
    try:
        from framework_gateway.observability.tracing import Tracing
    except ImportError:
        raise SystemExit(
            "GATEWAY_TRACES: install the extra otel: pip install 'framework-gateway[otel]'"
        ) from None
    return Tracing
