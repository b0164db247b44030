"""The ``gateway`` command: serve, compare, and measure."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from tempfile import TemporaryDirectory
from typing import Any

import click
from prometheus_client.multiprocess import mark_process_dead

import logs
from bridge.traffic.access_log import AccessLog, as_json, as_text
from bridge.traffic.protocol import Config, Limits
from bridge.traffic.server import Callback, Server, ignore
from bridge.traffic.workers import NOT_STARTED, Workers
from gateway import addresses_in, applications_of, create_app, refuse
from settings import SECRET_KEY_FILE, Settings, get_settings
from showdown.bench.command import bench
from showdown.claims.command import claims
from showdown.command import compare

LAST_JOB = 1.0  # seconds that a stop waits for the process with the background jobs


class OwnMount(click.ParamType[tuple[str, str]]):
    """``/prefix=package.module:attribute``."""

    name = "mount"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, str]:
        prefix, equals, application = value.partition("=")
        if (
            not re.fullmatch(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+", prefix)
            or not equals
            or not application
        ):
            self.fail(f"{value!r} is not of the form /prefix=package.module:attribute", param, ctx)
        return prefix, application


class ServeByDefault(click.Group):
    """``gateway --port 8001`` is ``gateway serve --port 8001``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or args[0] not in {*self.commands, *self.get_help_option_names(ctx)}:
            args = ["serve", *args]
        return super().parse_args(ctx, args)


@click.group(cls=ServeByDefault)
@click.pass_context
def main(context: click.Context) -> None:
    """Flask, FastAPI and Django, side by side."""
    context.obj = create_app


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


@main.command()
@click.option("--host", default=get_settings().host, show_default=True, help="Address.")
@click.option("--port", default=get_settings().port, show_default=True, help="0: a free port.")
@click.option(
    "--mount",
    "own",
    multiple=True,
    type=OwnMount(),
    metavar="/PREFIX=MODULE:APP",
    help="Mount an application of your own, WSGI or ASGI; repeatable.",
)
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1), help="Processes.")
@click.option("--jobs", is_flag=True, help="Run background jobs beside, in a process of its own.")
@click.option("--only-mounts", is_flag=True, help="Serve your own applications alone.")
def serve(
    host: str,
    port: int,
    own: tuple[tuple[str, str], ...],
    workers: int,
    jobs: bool,
    only_mounts: bool,
) -> None:
    """Serve the three, your own applications beside them, or those alone."""
    settings = get_settings()
    logs.configure(settings.env)
    applications = choose(settings, own, only_mounts)
    check_key(settings, workers)
    listener = listen(host, port)
    shown = f"[{host}]" if ":" in host else host
    addresses = addresses_in(applications) | {name: f"{prefix}/" for prefix, name in own}
    announce(f"http://{shown}:{listener.getsockname()[1]}", addresses)
    serve_here = partial(run_server, own, only_mounts)
    with run_jobs() if jobs else nullcontext():
        if workers == 1:
            serve_here(listener)
        else:
            with shared_metrics() as forget:
                processes = Workers(
                    serve_here, workers, listener, settings.graceful_timeout, on_end=forget
                )
                sys.exit(processes.run())


def choose(
    settings: Settings, own: tuple[tuple[str, str], ...], only_mounts: bool
) -> dict[str, Any]:
    """Return the applications by prefix; raise UsageError for what cannot be."""
    applications = {} if only_mounts else applications_of(settings)
    for prefix, name in own:
        if prefix in applications:
            raise click.BadParameter(f"{prefix} is taken", param_hint="--mount")
        applications[prefix] = name
    if not applications:
        raise click.UsageError("--only-mounts needs a --mount")
    return applications


def announce(origin: str, addresses: dict[str, str]) -> None:
    """Print where to look first."""
    for name, path in addresses.items():
        click.echo(f"{name:<11}{origin}{path}" if len(name) < 11 else f"{name} {origin}{path}")


def check_key(settings: Settings, workers: int) -> None:
    """Refuse several processes that would each sign sessions with a key of their own."""
    is_shared = "secret_key" in settings.model_fields_set or SECRET_KEY_FILE.is_file()
    if workers > 1 and not is_shared:
        raise click.UsageError("--workers needs GATEWAY_SECRET_KEY, or `manage.py prepare` first")


def run_server(
    own: tuple[tuple[str, str], ...],
    only_mounts: bool,
    listener: socket.socket,
    on_start: Callback = ignore,
) -> None:
    """Serve in this process until it is told to stop; exit with status 3 when it cannot start."""
    settings = get_settings()
    # Modules of the directory where the command was given; none of them hides one of ours.
    sys.path.insert(0, "")
    logs.configure(settings.env)
    form = as_json if settings.env == "production" else as_text
    access_log = AccessLog(sys.stdout, form)
    app = create_app(settings, choose(settings, own, only_mounts), access_log)
    config = Config(
        app,
        limits=Limits(
            max_head_size=settings.max_head_size,
            max_headers=settings.max_headers,
            max_connections=settings.max_connections,
            head_timeout=settings.head_timeout,
            body_timeout=settings.body_timeout,
            send_timeout=settings.send_timeout,
        ),
        refuse=refuse,
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,  # the application knows which proxies to believe
        server_header=False,
        timeout_graceful_shutdown=settings.graceful_timeout,
    )
    server = Server(config, on_start, on_stop=partial(setattr, app.state, "stopping", True))
    server.run(sockets=[listener])
    if not server.started:
        sys.exit(NOT_STARTED)  # the log says why


for command in (compare, bench, claims):
    main.add_command(command)
