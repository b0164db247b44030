"""The application of a mount: where it comes from, its options, and how it is loaded."""

import logging
from collections.abc import Mapping
from typing import Any, Self

from starlette.types import ASGIApp

from framework_gateway.mounts.deadline import Interrupted, deadline, interruptible
from framework_gateway.mounts.django_settings import Load, SecondDjango, one_django
from framework_gateway.mounts.django_urls import import_urls
from framework_gateway.mounts.isolation import plan_for
from framework_gateway.mounts.lifespan import Lifespan
from framework_gateway.mounts.loading import ApplicationError, Kind, load
from framework_gateway.mounts.options import MountOptions
from framework_gateway.mounts.process_state import ProcessState, called
from framework_gateway.mounts.streams import Streams
from framework_gateway.mounts.threads import Threads
from framework_gateway.processes.isolated import Isolated
from framework_gateway.processes.options import Process
from framework_gateway.processes.plan import Plan, current_environment
from framework_gateway.processes.states import ProcessStates
from framework_gateway.proxy.addresses import AddressError, addresses_in
from framework_gateway.proxy.upstream import Upstream
from framework_gateway.wsgi.middleware import WSGIMiddleware

logger = logging.getLogger("framework_gateway")

FAILURE_HEADERS = {"Retry-After": "30"}


class MountedApplication:
    """An application that is loaded once. If that fails, ``failure`` says why.

    Args:
        source: an application, a factory, an import string, or addresses, as for ``Mount``.
        path: the prefix, without a slash at its end.
        label: how messages call the application: its prefix, or the name of a target.
        options: the members of ``framework_gateway.mounts.options.MountOptions``.

    Attributes:
        kind: ``asgi`` or ``wsgi``; None until the application is loaded.
        application: the loaded application.
        app: what serves its requests as ASGI: the application, or the bridge around it.
        failure: why each request gets 503; None if the application works.
        retry_after: the headers of these responses.
        lifespan_fault: why the lifespan of an application has ended that still serves; or None.
        keeps_prefix: whether ``/prefix`` and ``/prefix/`` are two paths of the application.
        process_states: of processes that another process supervises.
    """

    app: ASGIApp
    lifespan: Lifespan  # of a loaded application

    def __init__(self, source: Any, path: str, label: str, options: Mapping[str, Any]) -> None:
        self.source = source
        self.path = path
        self.label = label
        self.kind: Kind | None = None
        self.application: Any = None
        self.failure: str | None = None
        self.retry_after = FAILURE_HEADERS
        self.lifespan_fault: str | None = None
        self.keeps_prefix = False
        self.process_state = ProcessState(label, logger.warning)
        self.process_states: ProcessStates | None = None
        self._environment = current_environment()
        self._given = options
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
            self.application, self.kind = self._load_or_isolate()
        except Interrupted:
            raise
        # An import may raise anything; SystemExit must not end the other mounts.
        except BaseException as error:
            self.fail("could not be loaded", error)
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
        self.lifespan = Lifespan(self.app)
        return self

    def _load_or_isolate(self) -> tuple[Any, Kind]:
        """Load the application; one that this process cannot have gets a process of its own."""
        try:
            with (
                interruptible(),
                deadline(self.options.start_timeout),
                self.process_state.watch(),
                one_django(self.label),
            ):
                return self._find()
        except SecondDjango as error:
            return self._isolate(error), "asgi"

    def _find(self) -> tuple[Any, Kind]:
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

    def _isolate(self, refusal: SecondDjango) -> Isolated:
        """Run an application that this process cannot have in a process of its own.

        Raises:
            SecondDjango: only its object is known.
        """
        if not isinstance(self.source, str):
            raise refusal
        logger.warning("%s runs in a process of its own: %s", self.called, refusal.reason)
        return Isolated(self.plan(Process(environment=refusal.variables)), self.options)

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

    @property
    def fault(self) -> str | None:
        """What is wrong with an application that serves all the same."""
        if self.lifespan_fault is None and isinstance(self.application, Upstream):
            return self.application.fault
        return self.lifespan_fault

    @property
    def called(self) -> str:
        """How messages call the application."""
        return called(self.label)

    def fail(self, what: str, error: BaseException) -> None:
        """Answer 503 from now on, and log why.

        Args:
            what: ``could not be loaded``, or what else the application could not be.
            error: what it has raised, or why the gateway has given it up.
        """
        # The text of the gateway's own errors says it all.
        is_own = isinstance(error, ApplicationError | AddressError)
        reason = error if is_own or isinstance(error, TimeoutError) else repr(error)
        self.failure = f"{self.called} {what}: {reason}"
        self.retry_after = FAILURE_HEADERS
        logger.error(
            "%s; its prefix answers 503 until the gateway is restarted",
            self.failure if is_own else f"{self.called} {what}",
            exc_info=None if is_own else error,
        )
