"""``gateway serve``: serve a Gateway, your own applications, or both."""

import sys
from typing import Any

import click

from framework_gateway.cli.commands import Command
from framework_gateway.cli.types import MountOptionType, MountType, Number, PrefixType

EXAMPLES = """
gateway serve
gateway serve --config deploy/gateway.toml --port 9000
gateway serve shop.gateway:app --workers 4
gateway serve --only-mounts --mount /shop=shop.wsgi:application --mount /live=live:app
gateway serve --only-mounts --mount /=http://127.0.0.1:9000 --mount /api=new:app
gateway serve --mount /shop=shop.wsgi:application --isolate /shop
gateway serve --mount /shop=shop.wsgi:application --mount-option /shop:threads=8
gateway serve --with "python manage.py worker"
gateway serve --reload
"""
SECTIONS = {
    "Applications": ("config", "mounts", "options", "isolated", "only_mounts", "app_dir"),
    "Server": ("host", "port", "workers", "root_path", "fail_fast", "reload", "companions"),
}


@click.command(cls=Command, examples=EXAMPLES, sections=SECTIONS)
@click.argument("app", required=False, metavar="[MODULE:APP]")
@click.option(
    "--config",
    metavar="FILE",
    help="File that describes the gateway.  [default: gateway.toml, if there is one]",
)
@click.option("--host", metavar="ADDRESS", help="Address to listen on.  [default: 127.0.0.1]")
@click.option(
    "--port",
    type=Number(0, 65535),
    metavar="PORT",
    help="Port to listen on; 0 picks a free port.  [default: 8000]",
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
    help="Set an option of a mount, such as /shop:threads=8, /shop:login=true or"
    " /shop:process.python=/srv/shop/.venv; repeatable.",
)
@click.option(
    "--isolate",
    "isolated",
    multiple=True,
    type=PrefixType(),
    metavar="/PREFIX",
    help="Run the application of this mount in a process of its own; repeatable.",
)
@click.option("--only-mounts", is_flag=True, help="Serve only the --mount applications.")
@click.option(
    "--workers", type=Number(1, 1024), metavar="N", help="Worker processes.  [default: 1]"
)
@click.option(
    "--root-path",
    metavar="/PREFIX",
    help="Prefix that a proxy removes from each path.  [default: none]",
)
@click.option(
    "--fail-fast",
    is_flag=True,
    help="End with status 3 if an application fails to load or to start.",
)
@click.option("--reload", is_flag=True, help="Serve each change of the code; for development.")
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
    config: str | None,
    mounts: tuple[tuple[str, str], ...],
    options: tuple[tuple[str, str, str], ...],
    isolated: tuple[str, ...],
    only_mounts: bool,
    reload: bool,
    companions: tuple[str, ...],
    app_dir: str,
    **settings: Any,
) -> None:
    """Serve a Gateway, your own applications, or both.

    Without MODULE:APP, this serves what gateway.toml describes, or else gateway:app, if there is a
    gateway.py. An option takes precedence over the file, and the file over the environment
    (GATEWAY_HOST, GATEWAY_PORT, ...).
    """
    from framework_gateway.cli.file.reading import FileError, find_file
    from framework_gateway.cli.imports import SourceError
    from framework_gateway.cli.running import serve_source
    from framework_gateway.cli.sources import Source
    from framework_gateway.server.companions import CommandError, parse_command

    settings["fail_fast"] = settings["fail_fast"] or None
    given = {name: value for name, value in settings.items() if value is not None}
    file = find_file(config)
    source = Source(app, mounts, options, only_mounts, app_dir, given, file, isolated)
    try:
        serve_source(source, dict(map(parse_command, companions)), reload=reload)
    except FileError as error:
        click.echo(error, err=True)
        sys.exit(2)
    except CommandError as error:
        raise click.UsageError(f"--with: {error}") from error
    except SourceError as error:
        raise click.UsageError(f"{error}{hint_for(app)}") from error


def hint_for(app: str | None) -> str:
    """Return which command is meant by what was taken for MODULE:APP; "" if none is."""
    from difflib import get_close_matches

    group = click.get_current_context().find_root().command
    names = group.commands if isinstance(group, click.Group) else ()
    close = get_close_matches(app or "", names, 1)
    return f"; did you mean the command {close[0]}?" if close else ""
