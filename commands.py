"""The ``gateway`` command: serve, compare, and measure."""

import re
import sys
from contextlib import nullcontext
from functools import partial
from typing import Any

import click

import logs
from bridge.traffic.workers import Workers
from gateway import addresses_in, applications_of, create_app
from serving import check_key, listen, run_jobs, run_server, shared_metrics
from settings import Settings, get_settings
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
    # Each process composes the applications anew.
    serve_here = partial(run_server, partial(choose, own=own, only_mounts=only_mounts))
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


for command in (compare, bench, claims):
    main.add_command(command)
