"""The implementation of ``gateway serve``: socket, processes, and the server in each of them."""

import errno
import gc
import logging
import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from framework_gateway.app import Gateway
from framework_gateway.config import Config as Settings
from framework_gateway.config import get_config
from framework_gateway.lifespan import StartFailed
from framework_gateway.mounts.deadline import Interrupted
from framework_gateway.observability import logs
from framework_gateway.observability.access_log import AccessLog, as_json, as_text
from framework_gateway.processes.states import ProcessStates
from framework_gateway.server.companions import CompanionStates
from framework_gateway.server.limits import Limits
from framework_gateway.server.protocol import Config
from framework_gateway.server.server import (
    EXIT_THREADS_RUNNING,
    Callback,
    Ready,
    Server,
    do_nothing,
)
from framework_gateway.server.workers import EXIT_NOT_STARTED, Workers
from framework_gateway.wsgi.threads import threads_left_running

ADVICE = {  # what to do when the socket cannot be bound
    errno.EADDRNOTAVAIL: "choose an address of this machine with --host",
    errno.EACCES: "choose a port from 1024 with --port",
}


@contextmanager
def shared_metrics(directory: Path | None) -> Iterator[tuple[Path, Callable[[int], object]]]:
    """Let processes share the gateway's metrics, and only these, while the block runs.

    Not by an environment variable: programs that the applications start would inherit it.

    Args:
        directory: an empty directory; None for one that is removed at the end.

    Yields:
        The directory, and a function that removes the gauges of a process that has ended, given
        its id.
    """
    with ExitStack() as stack:
        if directory is None:
            temporary = TemporaryDirectory(prefix="gateway-metrics-")
            directory = Path(stack.enter_context(temporary))
        yield directory, partial(forget_process, directory)


def forget_process(directory: Path, process: int) -> None:
    """Remove the gauges of a process that has ended from a directory of shared metrics."""
    # Not at the top: an application may first set the variables that prometheus_client reads when
    # it is imported.
    from framework_gateway.observability import multiprocess

    multiprocess.forget_process(directory, process)


def listen(host: str, port: int) -> socket.socket:
    """Listen on an address.

    Raises:
        ClickException: that fails; the message says which option to change.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if reason := why_no_address(host, family):
        raise click.ClickException(
            f"Cannot listen on the address '{host}' ({reason}); choose one of this machine with"
            " --host, such as 127.0.0.1, ::1 or localhost."
        )
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        advice = ADVICE.get(error.errno or 0, "choose another port with --port")
        raise click.ClickException(
            f"Cannot listen on {host}:{port} ({reason}); {advice}."
        ) from error


def why_no_address(host: str, family: socket.AddressFamily) -> str | None:
    """Return why a text is no address or name of a host; None if it is one."""
    if not host:
        return "it is empty"
    try:
        socket.getaddrinfo(host, None, family, socket.SOCK_STREAM)
    except OSError as error:
        return error.strerror or str(error)
    except UnicodeError:
        return "a part of the name is empty or too long"
    return None


def run_workers(
    load: Callable[[], Gateway],
    number: int,
    listener: socket.socket,
    grace: float,
    companions: CompanionStates,
    processes: Mapping[str, ProcessStates],
) -> int:
    """Serve in several processes; return the exit status.

    Args:
        load: returns the gateway; called in each process.
        number: the number of processes.
        listener: the socket that they share.
        grace: seconds for running requests to finish when the processes stop.
        companions: the states of the companion processes.
        processes: the states of the isolated processes, by the label of the mount.
    """
    with shared_metrics(get_config().metrics_dir) as (directory, forget):
        run = partial(
            load_and_run,
            load,
            metrics_dir=directory,
            companions=companions,
            processes=processes,
        )
        return Workers(run, number, listener, grace, on_end=forget).run()


def load_and_run(
    load: Callable[[], Gateway],
    listener: socket.socket,
    on_start: Callback = do_nothing,
    *,
    metrics_dir: Path,
    companions: CompanionStates,
    processes: Mapping[str, ProcessStates],
) -> None:
    """Load a gateway in this process, and serve it; ``metrics_dir`` has the metrics of all."""
    logs.configure(get_config().env)
    app = load()
    app.metrics_dir = metrics_dir
    app.watch_companions(companions)
    app.watch_processes(processes)
    run_server(app, listener, on_start)


def run_server(
    app: Gateway,
    listener: socket.socket,
    on_start: Callback = do_nothing,
    *,
    on_ready: Ready | None = None,
    on_close: Callback = do_nothing,
    extra_time: float = 0.0,
) -> None:
    """Serve a gateway, with an access log, until the process is stopped.

    The process exits with status 3 if the server cannot start, and with 1 if threads have not
    returned at the end.

    Args:
        app: the gateway.
        listener: the socket; other processes may share it.
        on_start: called when the server has started to serve.
        on_ready: called before the server listens; it does not listen if the result is false.
        on_close: called when it accepts no more connections.
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
        on_ready=on_ready,
        on_start=partial(start_serving, on_start),
        on_stop=set_stopping,
        on_close=on_close,
        extra_time=extra_time,
    )
    logging.getLogger("uvicorn.error").addFilter(is_not_start_failed)
    try:
        server.run(sockets=[listener])
    except Interrupted as interrupted:
        sys.exit(128 + interrupted.number)
    if not server.started:
        sys.exit(EXIT_NOT_STARTED)  # the log says why
    if threads_left_running:
        sys.exit(EXIT_THREADS_RUNNING)


def start_serving(on_start: Callback) -> None:
    """Say that the server has started; first set aside what the applications have loaded.

    All of that stays. A full garbage collection would look at it again and again, and hold up all
    requests meanwhile, some 0.1 s each time.
    """
    gc.collect()
    gc.freeze()
    on_start()


def is_not_start_failed(record: logging.LogRecord) -> bool:
    """Leave out the traceback of ``fail_fast``; each application has logged its own reason."""
    return f"{StartFailed.__module__}.{StartFailed.__name__}: " not in record.getMessage()


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
