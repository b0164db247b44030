"""``gateway serve``: serve a Gateway, your own applications, or both."""

import sys
from typing import Any

import click


class MountType(click.ParamType[tuple[str, str]]):
    """A value of the form ``/prefix=package.module:attribute``; ``/`` is a prefix, too."""

    name = "mount"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, str]:
        prefix, equals, application = value.partition("=")
        if not is_prefix(prefix) or not equals or not application:
            self.fail(f"{value!r} is not of the form /prefix=package.module:attribute", param, ctx)
        return prefix, application


class MountOptionType(click.ParamType[tuple[str, str, str]]):
    """A value of the form ``/prefix:name=value``."""

    name = "mount-option"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, str, str]:
        prefix, colon, option = value.partition(":")
        name, equals, setting = option.partition("=")
        if not is_prefix(prefix) or not colon or not name or not equals:
            self.fail(f"{value!r} is not of the form /prefix:option=value", param, ctx)
        return prefix, name.replace("-", "_"), setting


def is_prefix(text: str) -> bool:
    """Return whether a text can be the prefix of a mount."""
    from framework_gateway.security.proxies import PREFIX

    return text == "/" or PREFIX.fullmatch(text) is not None


@click.command()
@click.argument("app", required=False, metavar="[MODULE:APP]")
@click.option("--host", help="Address to listen on.  [default: GATEWAY_HOST, or 127.0.0.1]")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 picks a free port.  [default: GATEWAY_PORT, or 8000]",
)
@click.option(
    "--mount",
    "mounts",
    multiple=True,
    type=MountType(),
    metavar="/PREFIX=MODULE:APP",
    help="Mount a WSGI or ASGI application, or a server at an address; repeatable.",
)
@click.option(
    "--mount-option",
    "options",
    multiple=True,
    type=MountOptionType(),
    metavar="/PREFIX:NAME=VALUE",
    help="Set an option of a mount, such as /shop:threads=8 or /shop:login=true; repeatable.",
)
@click.option("--only-mounts", is_flag=True, help="Serve only the --mount applications.")
@click.option(
    "--workers", default=1, show_default=True, type=click.IntRange(1), help="Worker processes."
)
@click.option(
    "--root-path",
    help="Prefix that a proxy removes from each path.  [default: GATEWAY_ROOT_PATH, or none]",
)
@click.option(
    "--fail-fast",
    is_flag=True,
    help="End with status 3 if an application fails to load or to start.",
)
@click.option(
    "--with",
    "companions",
    multiple=True,
    metavar="[NAME=]COMMAND",
    help="Also run this command while the gateway runs; repeatable.",
)
@click.option(
    "--app-dir",
    default="",
    metavar="DIR",
    help="Import modules from this directory.  [default: the current directory]",
)
def serve(
    app: str | None,
    host: str | None,
    port: int | None,
    mounts: tuple[tuple[str, str], ...],
    options: tuple[tuple[str, str, str], ...],
    only_mounts: bool,
    workers: int,
    root_path: str | None,
    fail_fast: bool,
    companions: tuple[str, ...],
    app_dir: str,
) -> None:
    """Serve a Gateway, your own applications, or both.

    Without MODULE:APP, this serves gateway:app, if there is a gateway.py.

    \b
      gateway serve
      gateway serve --mount /shop=shop.wsgi:application
      gateway serve --only-mounts --mount /shop=shop.wsgi:application --mount /live=live:app
      gateway serve --mount /=old.wsgi:application --mount /api=new:app --only-mounts
      gateway serve --mount /=http://127.0.0.1:9000 --mount /api=new:app --only-mounts
      gateway serve --with "python manage.py worker"
    """
    from framework_gateway.cli.serving import listen, run_server, run_workers
    from framework_gateway.cli.sources import Source, SourceError
    from framework_gateway.config import get_config
    from framework_gateway.observability import logs
    from framework_gateway.server.companions import (
        GRACE,
        CommandError,
        parse_command,
        run_companions,
    )

    config = get_config()
    logs.configure(config.env)
    changes = {"root_path": root_path, "fail_fast": fail_fast or None}
    source = Source(
        app,
        mounts,
        options,
        only_mounts,
        app_dir,
        {name: value for name, value in changes.items() if value is not None},
    )
    try:
        gateway = source.load()
        commands = {**gateway.companions, **dict(map(parse_command, companions))}
    except (SourceError, CommandError) as error:
        raise click.UsageError(str(error)) from error
    fault = gateway.config.fault or (gateway.find_workers_fault() if workers > 1 else None)
    if fault:
        raise click.ClickException(fault)
    host, port = host or config.host, config.port if port is None else port
    listener = listen(host, port)
    shown = f"[{host}]" if ":" in host else host
    announce(f"http://{shown}:{listener.getsockname()[1]}", gateway.links)
    with run_companions(commands) as states:
        if workers == 1:
            gateway.watch_companions(states)
            run_server(gateway, listener, extra_time=GRACE if commands else 0.0)
        else:
            # Each worker process loads the gateway itself.
            grace = config.graceful_timeout
            sys.exit(run_workers(source.load, workers, listener, grace, states))


def announce(origin: str, links: dict[str, str]) -> None:
    """Print the links."""
    for name, path in links.items():
        click.echo(f"{name:<11}{origin}{path}" if len(name) < 11 else f"{name} {origin}{path}")
