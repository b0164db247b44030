"""The ``gateway`` command: serve, compare, and measure."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

import click
import uvicorn

import logs
from bridge.traffic.access_log import AccessLog, as_json, as_text
from gateway import addresses_in, applications_of, create_app
from settings import BASE_DIR, get_settings
from showdown.bench.command import bench
from showdown.claims.command import claims
from showdown.command import compare


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
def run_worker() -> Iterator[None]:
    """Run one of Django's workers until the block ends."""
    command = [sys.executable, str(BASE_DIR / "manage.py"), "worker", "--parent", str(os.getpid())]
    with subprocess.Popen(command) as process:
        try:
            yield
        finally:
            process.terminate()


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
@click.option("--worker", is_flag=True, help="Run background jobs beside, in a process of its own.")
@click.option("--only-mounts", is_flag=True, help="Serve your own applications alone.")
def serve(
    host: str, port: int, own: tuple[tuple[str, str], ...], worker: bool, only_mounts: bool
) -> None:
    """Serve the three, your own applications beside them, or those alone."""
    settings = get_settings()
    sys.path.insert(0, "")  # modules of the directory where the command was given
    applications = {} if only_mounts else applications_of(settings)
    for prefix, name in own:
        if prefix in applications:
            raise click.BadParameter(f"{prefix} is taken", param_hint="--mount")
        applications[prefix] = name
    if not applications:
        raise click.UsageError("--only-mounts needs a --mount")
    listener = listen(host, port)
    shown = f"[{host}]" if ":" in host else host
    origin = f"http://{shown}:{listener.getsockname()[1]}"
    for name, path in {
        **addresses_in(applications),
        **{name: f"{prefix}/" for prefix, name in own},
    }.items():
        click.echo(f"{name:<11}{origin}{path}" if len(name) < 11 else f"{name} {origin}{path}")
    logs.configure(settings.env)
    form = as_json if settings.env == "production" else as_text
    config = uvicorn.Config(
        create_app(settings, applications, AccessLog(sys.stdout, form)),
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,  # nobody is trusted to speak for another address
        server_header=False,
        timeout_graceful_shutdown=settings.graceful_timeout,
    )
    server = uvicorn.Server(config)
    # uvicorn raises Ctrl-C again once it has stopped in good order.
    with run_worker() if worker else nullcontext(), suppress(KeyboardInterrupt):
        server.run(sockets=[listener])
    if not server.started:
        sys.exit(3)  # as uvicorn's own command does; the log says why


for command in (compare, bench, claims):
    main.add_command(command)
