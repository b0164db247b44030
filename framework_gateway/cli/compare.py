"""``gateway compare``: compare targets from the command line."""

import sys
from collections.abc import Sequence
from typing import IO, Any

import click

from framework_gateway.compare import MAX_SIZE, TIMEOUT


class Pair(click.ParamType[tuple[str, str]]):
    """A name and a value, with a separator between them."""

    def __init__(self, name: str, separator: str, form: str) -> None:
        self.name = name
        self.separator = separator
        self.form = form

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, str]:
        name, separator, rest = value.partition(self.separator)
        if not name.strip() or not separator or not rest.strip():
            self.fail(f"{value!r} is not of the form {self.form}", param, ctx)
        return name.strip(), rest.strip()


TARGET = Pair("target", "=", "NAME=package.module:application or NAME=http://127.0.0.1:8001")
HEADER = Pair("header", ":", "'Name: value'")


@click.command()
@click.argument("method", default="GET")
@click.argument("path", required=False)
@click.option("-d", "--data", help="Request body; @FILE reads a file, @- reads standard input.")
@click.option("-H", "--header", "headers", multiple=True, type=HEADER, help="Request header.")
@click.option(
    "--target",
    "targets",
    multiple=True,
    type=TARGET,
    metavar="NAME=APP|URL",
    help="Compare this WSGI or ASGI application, or this running server; give two or more.",
)
@click.option(
    "--file", type=click.File(), help="Replay the requests in this file, one JSON object per line."
)
@click.option(
    "--ignore",
    multiple=True,
    help="Ignore this difference: status, spelling, a header, or a JSON Pointer such as /*/id.",
)
@click.option("--compare-header", multiple=True, help="Also compare this response header.")
@click.option("--in-turn", is_flag=True, help="Send to one target after the other.")
@click.option(
    "--timeout", default=TIMEOUT, show_default=True, help="Seconds to wait for an answer."
)
@click.option(
    "--max-size", default=MAX_SIZE, show_default=True, help="Largest body of an answer, in bytes."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--app-dir",
    default="",
    metavar="DIR",
    help="Import modules from this directory.  [default: the current directory]",
)
def compare(
    *,
    method: str,
    path: str | None,
    data: str | None,
    headers: Sequence[tuple[str, str]],
    targets: Sequence[tuple[str, str]],
    file: IO[str] | None,
    ignore: Sequence[str],
    compare_header: Sequence[str],
    in_turn: bool,
    timeout: float,
    max_size: int,
    as_json: bool,
    app_dir: str,
) -> None:
    """Send METHOD PATH to several targets, and show where their answers differ.

    Without --target, the targets are the mounts of gateway:app, if there is a gateway.py.

    \b
      gateway compare GET /api/users
      gateway compare /api/users/1
      gateway compare POST /api/users -d '{"name": "Eve", "email": "eve@{framework}.example"}' \\
        --ignore /id --ignore location
      gateway compare --file requests.jsonl --target old=legacy.wsgi:application \\
        --target new=http://127.0.0.1:8001

    {framework} in the path and the body becomes each target's name. The exit status is 0 if all
    answers are equal, and 1 if they differ or one is missing.
    """
    from framework_gateway.cli import comparing
    from framework_gateway.observability import logs

    logs.configure("development")  # for a reader; and a target's logging may not silence it
    if path is None and method.startswith("/"):
        method, path = "GET", method
    if file is None:
        requests = [comparing.one_request(method, path, data, headers)]
    else:
        requests = comparing.requests_in(file, path, data)
    opened = comparing.open_named(targets, app_dir) if targets else comparing.open_mounts(app_dir)
    comparisons = comparing.compare_all(
        opened,
        requests,
        headers=compare_header,
        ignore=ignore,
        in_turn=in_turn,
        timeout=timeout,
        max_size=max_size,
        quiet=as_json,
    )
    comparing.show(comparisons, file is not None, as_json)
    sys.exit(0 if all(comparison.identical for comparison in comparisons) else 1)
