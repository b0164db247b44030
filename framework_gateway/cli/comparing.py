"""The implementation of ``gateway compare``: requests, targets and output."""

import sys
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import IO, Any

import anyio
import click
from rich.console import Console
from rich.progress import track

from framework_gateway.cli.outputs import JSONDocument, JSONLines, Output, Single, Summary
from framework_gateway.cli.sources import Source, SourceError
from framework_gateway.compare.comparer import Comparer
from framework_gateway.compare.messages import Request
from framework_gateway.compare.replay import ReplayError, read_requests
from framework_gateway.compare.rules import Rules
from framework_gateway.compare.targets import Application, Target, TargetError, open_targets


@dataclass(frozen=True)
class Opened:
    """Targets that can be asked, and the rules that belong to them."""

    targets: Sequence[Target]
    rules: Rules


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


@asynccontextmanager
async def open_mounts(app_dir: str) -> AsyncIterator[Opened]:
    """Start the gateway in this process, without a socket."""
    try:
        app = Source(directory=app_dir).load()
    except SourceError as error:
        raise click.UsageError(f"{error}; or give --target options") from error
    async with app.router.lifespan_context(app):
        await app.wait_until_started()
        targets = [Application(mount.path.strip("/"), app, mount.path) for mount in app.mounts]
        yield Opened(targets, app.rules)


@asynccontextmanager
async def open_named(targets: Sequence[tuple[str, str]], app_dir: str) -> AsyncIterator[Opened]:
    """Open the targets named by ``--target``."""
    named = dict(targets)
    if len(named) < len(targets) or len(named) < 2:
        raise click.UsageError("give at least two --target options with different names")
    sys.path.insert(0, app_dir)
    async with open_targets(named) as opened:
        yield Opened(opened, Rules())


def grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return the values of each name."""
    groups: dict[str, list[str]] = {}
    for name, value in pairs:
        groups.setdefault(name, []).append(value)
    return groups


@dataclass(frozen=True)
class Options:
    """The options of a run.

    Attributes:
        rules: arguments of ``Rules.build``; they replace those of the mounts' own rules.
        asking: arguments of ``Comparer``.
        in_turn: send to one target after the other.
    """

    rules: Mapping[str, Any]
    asking: Mapping[str, Any]
    in_turn: bool = False

    def rules_for(self, own: Rules) -> Rules:
        """Return the rules: the given ones, and the mounts' own where none is given."""
        try:
            built = Rules.build(**self.rules)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
        return replace(own, **{name: getattr(built, name) for name in self.rules})


def compare_all(
    opened: AbstractAsyncContextManager[Opened],
    requests: Sequence[Request],
    options: Options,
    output: Output,
) -> bool:
    """Compare the requests one after the other; return whether all answers are equal.

    No comparison is kept: each goes to the output as soon as it is made.
    """
    shown = track(
        requests,
        "comparing",
        console=Console(stderr=True),
        transient=True,
        disable=output.is_quiet or len(requests) == 1,
    )

    async def run() -> bool:
        equal = True
        async with opened as found:
            rules = options.rules_for(found.rules)
            comparer = Comparer(found.targets, rules, **options.asking)
            for request in shown:
                comparison = await comparer.compare(request, in_turn=options.in_turn)
                output.add(comparison)
                equal = equal and comparison.identical
        output.finish()
        return equal

    try:
        return anyio.run(run)
    except TargetError as error:
        raise click.ClickException(str(error)) from error


def output_for(many: bool, as_json: bool) -> Output:
    """Return the output for one request or many."""
    if as_json:
        return JSONLines() if many else JSONDocument()
    return Summary() if many else Single()
