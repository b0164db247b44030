"""The gateway: serves applications under prefixes, with limits, logs, metrics and security."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from framework_gateway.applications import Applications
from framework_gateway.compare.guard import ALLOW_ALL, CLOSED
from framework_gateway.compare.rules import Rules
from framework_gateway.config import Config, get_config
from framework_gateway.errors import Errors, Problem
from framework_gateway.lifespan import lifespan
from framework_gateway.mounts.first_request import FirstRequest
from framework_gateway.mounts.mount import Mount
from framework_gateway.mounts.routing import Mounts, Routed
from framework_gateway.observability.access_log import AccessLog
from framework_gateway.observability.health import Check, Health
from framework_gateway.observability.observer import Observer
from framework_gateway.observability.otel import load_tracing
from framework_gateway.observability.request_id import request_id
from framework_gateway.observability.watched import Watched
from framework_gateway.pages.site import Site
from framework_gateway.prefixes import OWN_PATHS
from framework_gateway.problems import problem
from framework_gateway.processes.isolated import states_of
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

HSTS_SECONDS = 365 * 24 * 3600
# Load balancers and Prometheus request these by IP address, not by host name.
PROBES = ["/health/", "/metrics"]

Find = Callable[[], str | None]  # returns a fault as one line, or None


class Gateway(Applications, Starlette):
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
        Applications.__init__(self, applications, moves, links, config or get_config())
        self.admit = admit
        self.site = site or partial(Site, guard=ALLOW_ALL if self.config.pages_are_open else CLOSED)
        self.rules = rules or Rules()
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
        self.is_running = False
        self._first_request = FirstRequest(super().__call__)
        self._errors = Errors(problem, lambda: self.pages)
        self.refuse = self._errors.refuse
        self.metrics_dir = self.config.metrics_dir  # shared with the other processes
        self._tracing = load_tracing() if self.config.traces else None
        Starlette.__init__(
            self,
            exception_handlers={
                HTTPException: self._errors.answer_error,
                Exception: self._errors.answer_exception,
            },
            lifespan=lifespan,
        )
        self.router.redirect_slashes = False
        self.state.stopping = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request; start the applications if the server has not done so."""
        if not self.is_running and scope["type"] != "lifespan":
            await self._first_request.wait_for_start()
        if self.middleware_stack is None:
            self.middleware_stack = self.build_middleware_stack()
        scope["app"] = self  # as Starlette does
        await self.middleware_stack(scope, receive, send)

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
