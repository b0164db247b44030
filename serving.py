"""How `gateway serve` runs: its socket, its processes, and the server in each of them."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from tempfile import TemporaryDirectory
from typing import Any

import click
from prometheus_client.multiprocess import mark_process_dead

import logs
from bridge.threads import left_behind
from bridge.traffic.access_log import AccessLog, as_json, as_text
from bridge.traffic.limits import Limits
from bridge.traffic.protocol import Config
from bridge.traffic.server import THREADS_LEFT, Callback, Server, ignore
from bridge.traffic.workers import NOT_STARTED
from gateway import Gateway, create_app, refuse
from settings import SECRET_KEY_FILE, Settings, get_settings

LAST_JOB = 1.0  # seconds that a stop waits for the process with the background jobs


@contextmanager
def run_jobs() -> Iterator[None]:
    """Run one of Django's workers until the block ends."""
    command = [sys.executable, "-P", "-m", "django", "worker", "--settings", "django_app.settings"]
    process = subprocess.Popen([*command, "--parent", str(os.getpid())])
    try:
        yield
    finally:
        process.terminate()
        # One with a long job ends after it, by itself.
        with suppress(subprocess.TimeoutExpired):
            process.wait(LAST_JOB)


@contextmanager
def shared_metrics() -> Iterator[Callable[[int], object]]:
    """Let the processes that begin in the block count together.

    Yields:
        What forgets the state of a process that has ended, by its id; its counts stay.
    """
    with TemporaryDirectory(prefix="gateway-metrics-") as directory:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = directory
        yield partial(mark_process_dead, path=directory)


def listen(host: str, port: int) -> socket.socket:
    """Listen on an address; raise ClickException when that cannot be."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise click.ClickException(
            f"Cannot listen on {host}:{port} ({reason}); choose another with --port."
        ) from error


def check_key(settings: Settings, workers: int) -> None:
    """Refuse several processes that would each sign sessions with a key of their own."""
    is_shared = "secret_key" in settings.model_fields_set or SECRET_KEY_FILE.is_file()
    if workers > 1 and not is_shared:
        raise click.UsageError("--workers needs GATEWAY_SECRET_KEY, or `manage.py prepare` first")


def run_server(
    choose: Callable[[Settings], dict[str, Any]],
    listener: socket.socket,
    on_start: Callback = ignore,
) -> None:
    """Compose the gateway in this process, and serve it as ``serve`` does.

    Args:
        choose: returns the applications by prefix.
        listener, on_start: as for ``serve``.
    """
    settings = get_settings()
    logs.configure(settings.env)
    # Modules of the directory where the command was given; none of them hides one of ours.
    sys.path.insert(0, "")
    lines = AccessLog(sys.stdout, as_json if settings.env == "production" else as_text)
    serve(create_app(settings, choose(settings), lines), settings, listener, on_start)


def serve(
    app: Gateway, settings: Settings, listener: socket.socket, on_start: Callback = ignore
) -> None:
    """Serve a gateway until the process is told to stop; exit with status 3 when it cannot start.

    Args:
        app: the gateway.
        settings: its own.
        listener: the socket, which other processes may have, too.
        on_start: called when the server has begun to serve.
    """
    config = Config(
        app,
        limits=limits_of(settings),
        refuse=refuse,
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,  # the application knows which proxies to believe
        server_header=False,
        ws_max_size=settings.websocket_max_size,
        ws_per_message_deflate=settings.websocket_compression,
        timeout_graceful_shutdown=settings.graceful_timeout,
    )
    server = Server(config, on_start, on_stop=partial(setattr, app.state, "stopping", True))
    server.run(sockets=[listener])
    if not server.started:
        sys.exit(NOT_STARTED)  # the log says why
    if left_behind:
        sys.exit(THREADS_LEFT)


def limits_of(settings: Settings) -> Limits:
    """Return what a connection may take."""
    return Limits(
        max_head_size=settings.max_head_size,
        max_headers=settings.max_headers,
        max_connections=settings.max_connections,
        head_timeout=settings.head_timeout,
        body_timeout=settings.body_timeout,
        send_timeout=settings.send_timeout,
        socket_rate=settings.websocket_rate,
    )
