"""The implementation of ``gateway serve``: socket, processes, and the server in each of them."""

import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from tempfile import TemporaryDirectory

import click
from prometheus_client.multiprocess import mark_process_dead

from framework_gateway.app import Gateway
from framework_gateway.config import Config as Settings
from framework_gateway.config import get_config
from framework_gateway.mounts.deadline import Interrupted
from framework_gateway.observability import logs
from framework_gateway.observability.access_log import AccessLog, as_json, as_text
from framework_gateway.server.limits import Limits
from framework_gateway.server.protocol import Config
from framework_gateway.server.server import EXIT_THREADS_RUNNING, Callback, Server, do_nothing
from framework_gateway.server.workers import EXIT_NOT_STARTED, Workers
from framework_gateway.wsgi.threads import threads_left_running


@contextmanager
def shared_metrics() -> Iterator[Callable[[int], object]]:
    """Let the processes that are started in the block share their metrics.

    Yields:
        A function that removes the gauges of a process that has ended, given its id.
    """
    with TemporaryDirectory(prefix="gateway-metrics-") as directory:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = directory
        yield partial(mark_process_dead, path=directory)


def listen(host: str, port: int) -> socket.socket:
    """Listen on an address; raise ClickException if that fails."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise click.ClickException(
            f"Cannot listen on {host}:{port} ({reason}); choose another port with --port."
        ) from error


def run_workers(
    load: Callable[[], Gateway], number: int, listener: socket.socket, grace: float
) -> int:
    """Serve in several processes; return the exit status.

    Args:
        load: returns the gateway; called in each process.
        number: the number of processes.
        listener: the socket that they share.
        grace: seconds for running requests to finish when the processes stop.
    """
    with shared_metrics() as forget:
        run = partial(load_and_run, load)
        return Workers(run, number, listener, grace, on_end=forget).run()


def load_and_run(
    load: Callable[[], Gateway], listener: socket.socket, on_start: Callback = do_nothing
) -> None:
    """Load a gateway in this process, and serve it."""
    logs.configure(get_config().env)
    run_server(load(), listener, on_start)


def run_server(
    app: Gateway,
    listener: socket.socket,
    on_start: Callback = do_nothing,
    extra_time: float = 0.0,
) -> None:
    """Serve a gateway, with an access log, until the process is stopped.

    The process exits with status 3 if the server cannot start, and with 1 if threads have not
    returned at the end.

    Args:
        app: the gateway.
        listener: the socket; other processes may share it.
        on_start: called when the server has started to serve.
        extra_time: seconds that the process may run after the server has stopped.
    """
    settings = app.config
    logs.read_request_id_from(app.request_id)
    if app.access_log is None:
        app.access_log = AccessLog(sys.stdout, as_json if settings.env == "production" else as_text)
    config = Config(
        app,
        limits=limits_of(settings),
        refuse=app.refuse,
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,  # the gateway's own middleware handles trusted proxies
        server_header=False,
        ws_max_size=settings.websocket_max_size,
        ws_per_message_deflate=settings.websocket_compression,
        timeout_graceful_shutdown=settings.graceful_timeout,
    )
    set_stopping = partial(setattr, app.state, "stopping", True)
    server = Server(
        config,
        on_load=app.load,
        on_start=on_start,
        on_stop=set_stopping,
        extra_time=extra_time,
    )
    try:
        server.run(sockets=[listener])
    except Interrupted as interrupted:
        sys.exit(128 + interrupted.number)
    if not server.started:
        sys.exit(EXIT_NOT_STARTED)  # the log says why
    if threads_left_running:
        sys.exit(EXIT_THREADS_RUNNING)


def limits_of(settings: Settings) -> Limits:
    """Return the limits of a connection from the settings."""
    return Limits(
        max_head_size=settings.max_head_size,
        max_headers=settings.max_headers,
        max_connections=settings.max_connections,
        head_timeout=settings.head_timeout,
        body_timeout=settings.body_timeout,
        send_timeout=settings.send_timeout,
        socket_rate=settings.websocket_rate,
    )
