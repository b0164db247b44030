"""The implementation of ``gateway compare``: requests, targets and output."""

import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict
from typing import IO, Any

import anyio
import click
from rich.console import Console
from rich.progress import track

from framework_gateway.cli.file.reading import find_file
from framework_gateway.cli.imports import SourceError
from framework_gateway.cli.sources import Source
from framework_gateway.compare.comparer import Comparer, Comparison
from framework_gateway.compare.differences import HEADERS
from framework_gateway.compare.messages import Request
from framework_gateway.compare.replay import ReplayError, read_requests, summarise
from framework_gateway.compare.report import print_comparison, print_summary
from framework_gateway.compare.targets import Application, Target, TargetError, open_targets

Opened = AbstractAsyncContextManager[Sequence[Target]]


def one_request(
    method: str, path: str | None, data: str | None, headers: Sequence[tuple[str, str]]
) -> Request:
    """Create the request from the command line."""
    if path is None or not path.startswith("/"):
        raise click.UsageError("give a path that begins with /, or --file")
    body = read_data(data)
    if body and "content-type" not in {name.lower() for name, _ in headers}:
        headers = [*headers, ("Content-Type", "application/json")]
    return Request(method.upper(), path, tuple(headers), body)


def read_data(data: str | None) -> bytes:
    """Return the body for the value of ``--data``."""
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
        raise click.UsageError("--file cannot be combined with a path or --data")
    try:
        requests = read_requests(file)
    except (ReplayError, UnicodeDecodeError) as error:
        raise click.ClickException(f"{file.name}, {error}") from error
    if not requests:
        raise click.ClickException(f"{file.name} contains no requests")
    return requests


def open_named(targets: Sequence[tuple[str, str]], app_dir: str) -> Opened:
    """Open the targets named by ``--target``."""
    named = dict(targets)
    if len(named) < len(targets) or len(named) < 2:
        raise click.UsageError("give at least two --target options with different names")
    sys.path.insert(0, app_dir)
    return open_targets(named)


@asynccontextmanager
async def open_mounts(app_dir: str) -> AsyncIterator[Sequence[Target]]:
    """Start the gateway in this process, without a socket."""
    try:
        app = Source(directory=app_dir, file=find_file(None)).load()
    except SourceError as error:
        raise click.UsageError(f"{error}; or give --target options") from error
    async with app.router.lifespan_context(app):
        await app.wait_until_started()
        yield [Application(mount.path.strip("/"), app, mount.path) for mount in app.mounts]


def compare_all(
    opened: Opened,
    requests: Sequence[Request],
    *,
    headers: Sequence[str],
    ignore: Sequence[str],
    in_turn: bool,
    timeout: float,
    max_size: int,
    quiet: bool,
) -> list[Comparison]:
    """Send the requests one after the other, and show a progress bar."""
    shown = track(
        requests,
        "comparing",
        console=Console(stderr=True),
        transient=True,
        disable=quiet or len(requests) == 1,
    )

    async def run() -> list[Comparison]:
        async with opened as targets:
            comparer = Comparer(
                targets, headers=[*HEADERS, *headers], timeout=timeout, max_size=max_size
            )
            return [
                await comparer.compare(request, ignore=ignore, in_turn=in_turn) for request in shown
            ]

    try:
        return anyio.run(run)
    except TargetError as error:
        raise click.ClickException(str(error)) from error


def show(comparisons: Sequence[Comparison], many: bool, as_json: bool) -> None:
    """Print the result; for many requests, a line for each route and all differences."""
    if not as_json:
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
