"""``gateway compare``: the comparison in a terminal."""

import json
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict
from typing import IO, Any

import anyio
import click
from starlette.applications import Starlette

from showdown.compare import MAX_SIZE, TIMEOUT, Comparer, Comparison
from showdown.differences import HEADERS
from showdown.messages import Request
from showdown.replay import ReplayError, read_requests, summarise
from showdown.targets import Application, Target, TargetError, open_targets

Opened = AbstractAsyncContextManager[Sequence[Target]]


class Named(click.ParamType[tuple[str, str]]):
    """Two words with a separator between them."""

    def __init__(self, name: str, separator: str, form: str) -> None:
        self.name = name
        self.separator = separator
        self.form = form

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, str]:
        name, separator, rest = value.partition(self.separator)
        if not name.strip() or not separator or not rest.strip():
            self.fail(f"{value!r} is not of the form {self.form}", param, ctx)
        return name.strip(), rest.strip()


TARGET = Named("target", "=", "NAME=package.module:application or NAME=http://127.0.0.1:8001")
HEADER = Named("header", ":", "'Name: value'")


@click.command()
@click.argument("method", default="GET")
@click.argument("path", required=False)
@click.option("-d", "--data", help="Body; @FILE reads it from a file, @- from standard input.")
@click.option("-H", "--header", "headers", multiple=True, type=HEADER, help="Request header.")
@click.option(
    "--target",
    "targets",
    multiple=True,
    type=TARGET,
    metavar="NAME=APP|URL",
    help="Compare these instead of the three: a WSGI or ASGI application, or a running server.",
)
@click.option("--file", type=click.File(), help="Replay requests: JSON, one a line.")
@click.option(
    "--ignore",
    multiple=True,
    help="What may differ: status, spelling, a header's name, or a JSON Pointer like /*/id.",
)
@click.option("--compare-header", multiple=True, help="One more header that must be equal.")
@click.option("--in-turn", is_flag=True, help="Ask one after the other, not all at once.")
@click.option("--timeout", default=TIMEOUT, show_default=True, help="Seconds for an answer.")
@click.option("--max-size", default=MAX_SIZE, show_default=True, help="Bytes of an answer.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_obj
def compare(
    create_app: Callable[[], Starlette],
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
) -> None:
    """Send METHOD PATH to the three, or to the targets you name, and show where they differ.

    \b
      gateway compare GET /api/users
      gateway compare /api/users/1
      gateway compare POST /api/users -d '{"name": "Eve", "email": "eve@{framework}.example"}' \\
        --ignore /id --ignore location
      gateway compare --file requests.jsonl --target old=legacy.wsgi:application \\
        --target new=http://127.0.0.1:8001

    {framework} in the path and the body becomes each target's name. The exit status is 0 when all
    answers are equal, and 1 when they differ or one is missing.
    """
    if path is None and method.startswith("/"):
        method, path = "GET", method
    if file is None:
        requests = [one_request(method, path, data, headers)]
    else:
        requests = requests_in(file, path, data)
    opened = open_named(targets) if targets else open_mounts(create_app())
    options = {"headers": [*HEADERS, *compare_header], "timeout": timeout, "max_size": max_size}
    comparisons = anyio.run(
        lambda: compare_all(opened, options, requests, ignore, in_turn, as_json)
    )
    show(comparisons, file is not None, as_json)
    sys.exit(0 if all(comparison.identical for comparison in comparisons) else 1)


def one_request(
    method: str, path: str | None, data: str | None, headers: Sequence[tuple[str, str]]
) -> Request:
    """Make the request of the command line."""
    if path is None or not path.startswith("/"):
        raise click.UsageError("give a path that begins with /, or --file")
    body = read_data(data)
    if body and "content-type" not in {name.lower() for name, _ in headers}:
        headers = [*headers, ("Content-Type", "application/json")]
    return Request(method.upper(), path, tuple(headers), body)


def read_data(data: str | None) -> bytes:
    """Return the body that ``--data`` means."""
    if data is None or not data.startswith("@"):
        return (data or "").encode()
    try:
        with click.open_file(data[1:], "rb") as file:
            content: bytes = file.read()
            return content
    except OSError as error:
        raise click.ClickException(f"{data[1:]}: {error.strerror}") from error


def requests_in(file: IO[str], path: str | None, data: str | None) -> list[Request]:
    """Read the requests of ``--file``."""
    if path is not None or data is not None:
        raise click.UsageError("--file brings its own paths and bodies")
    try:
        requests = read_requests(file)
    except (ReplayError, UnicodeDecodeError) as error:
        raise click.ClickException(f"{file.name}, {error}") from error
    if not requests:
        raise click.ClickException(f"{file.name} holds no request")
    return requests


def open_named(targets: Sequence[tuple[str, str]]) -> Opened:
    """Open the targets of ``--target``."""
    named = dict(targets)
    if len(named) < len(targets) or len(named) < 2:
        raise click.UsageError("--target needs at least two targets of different names")
    sys.path.insert(0, "")  # modules of the directory where the command was given
    return open_targets(named)


@asynccontextmanager
async def open_mounts(app: Starlette) -> AsyncIterator[Sequence[Target]]:
    """Start the gateway in this process, without a socket."""
    async with app.router.lifespan_context(app):
        yield [Application(mount.path.strip("/"), app, mount.path) for mount in app.state.mounts]


async def compare_all(
    opened: Opened,
    options: dict[str, Any],
    requests: Sequence[Request],
    ignore: Sequence[str],
    in_turn: bool,
    as_json: bool,
) -> list[Comparison]:
    """Send the requests one after the other; a bar shows how far that is."""
    from rich.console import Console
    from rich.progress import track

    shown = track(
        requests,
        "comparing",
        console=Console(stderr=True),
        transient=True,
        disable=as_json or len(requests) == 1,
    )
    try:
        async with opened as targets:
            comparer = Comparer(targets, **options)
            return [
                await comparer.compare(request, ignore=ignore, in_turn=in_turn) for request in shown
            ]
    except TargetError as error:
        raise click.ClickException(str(error)) from error


def show(comparisons: Sequence[Comparison], many: bool, as_json: bool) -> None:
    """Print the result: of many requests, a line for each route and what differed."""
    if not as_json:
        from showdown.report import print_comparison, print_summary

        if many:
            print_summary(comparisons)
        else:
            print_comparison(comparisons[0])
        return
    document: dict[str, Any] = {"identical": all(one.identical for one in comparisons)}
    if many:
        document["routes"] = [asdict(route) for route in summarise(comparisons)]
        document["comparisons"] = [one.as_dict() for one in comparisons]
    else:
        document = comparisons[0].as_dict()
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))
