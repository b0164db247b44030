"""The implementation of ``gateway compare``: requests, targets and output."""

import sys
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import click

from framework_gateway.cli.file.reading import FileError, find_file
from framework_gateway.cli.imports import SourceError, describe
from framework_gateway.cli.inputs import Chosen
from framework_gateway.cli.outputs import JSONDocument, JSONLines, Output, Report, Shown, Single
from framework_gateway.cli.sources import Source
from framework_gateway.cli.trial import Records, recording
from framework_gateway.cli.types import is_token
from framework_gateway.compare.comparer import Comparer
from framework_gateway.compare.findings import Comparison
from framework_gateway.compare.messages import Request
from framework_gateway.compare.routes import Routes
from framework_gateway.compare.rules import Rules
from framework_gateway.compare.runs import run
from framework_gateway.compare.shrinking import Effort
from framework_gateway.compare.summary import NO_ANSWER, Summary
from framework_gateway.compare.targets import Application, Target, TargetError, open_targets

ROOT = "root"  # the name of the mount at "/"
HINT = "give --target options, or name the file of a gateway with --config"


@dataclass(frozen=True)
class Opened:
    """Targets that can be asked, and the rules that belong to them."""

    targets: Sequence[Target]
    rules: Rules


class Unavailable(click.ClickException):
    """A target cannot be loaded or started."""

    exit_code = NO_ANSWER


def one_request(
    method: str, path: str | None, data: str | None, headers: Sequence[tuple[str, str]]
) -> Request | None:
    """Create the request from the command line; None if it names no path."""
    if path is None and method == "GET" and data is None:
        return None
    if path is None or not path.startswith("/"):
        raise click.UsageError("give a path that begins with /, or --file")
    if not is_token(method):
        raise click.UsageError(f"'{method}' is not a method such as GET")
    if not path.isprintable() or " " in path:
        raise click.UsageError("the path has a space or a control character; encode it as %20")
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
        raise click.UsageError(f"{data[1:]}: {error.strerror}") from error


@asynccontextmanager
async def open_mounts(app_dir: str, config: str | None) -> AsyncIterator[Opened]:
    """Start the gateway in this process, without a socket.

    Args:
        config: the file that describes it.
    """
    try:
        app = Source(directory=app_dir, file=find_file(config), hint=HINT).load()
    except FileError as error:
        raise click.UsageError("; ".join(map(str, error.findings))) from error
    except SourceError as error:
        if Path(app_dir, "gateway.py").is_file():
            raise Unavailable(str(error)) from error
        raise click.UsageError(str(error)) from error
    if sum(not app.is_new(mount) for mount in app.planned.values()) < 2:
        raise click.UsageError("the gateway has fewer than two mounts; give --target options")
    async with AsyncExitStack() as stack:
        with recording() as records:
            await stack.enter_async_context(app.router.lifespan_context(app))
            await app.wait_until_started()
        for mount in app.mounts:
            # Its prefix answers 503, which would be compared with the others.
            if mount.failure:
                raise TargetError(explained(mount.failure, records.error))
        show_warnings(records)
        names = {mount.path: mount.path.strip("/") or ROOT for mount in app.own_mounts}
        targets = [Application(name, app, path) for path, name in names.items()]
        yield Opened(targets, app.rules)


@asynccontextmanager
async def open_named(targets: Sequence[tuple[str, str]], app_dir: str) -> AsyncIterator[Opened]:
    """Open the targets named by ``--target``."""
    named = dict(targets)
    if len(named) < len(targets) or len(named) < 2:
        raise click.UsageError("give at least two --target options with different names")
    if not Path(app_dir or ".").is_dir():
        raise click.UsageError(f"--app-dir: there is no directory {app_dir}")
    sys.path.insert(0, app_dir)
    async with AsyncExitStack() as stack:
        with recording() as records:
            try:
                opened = await stack.enter_async_context(open_targets(named))
            except TargetError as error:
                raise TargetError(explained(str(error), records.error)) from error
        show_warnings(records)
        yield Opened(opened, Rules())


def explained(failure: str, cause: BaseException | None) -> str:
    """Return why a target is not available, with the place where its code has failed."""
    return failure if cause is None else failure.replace(repr(cause), describe(cause))


def show_warnings(records: Records) -> None:
    """Print what the gateway has warned of while the targets started."""
    for text in records.warnings:
        click.echo(f"Warning: {text}", err=True)


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

    def rules_for(self, own: Rules, targets: Sequence[str]) -> Rules:
        """Return the rules: the given ones, and the mounts' own where none is given."""
        if unknown := {*self.rules.get("neutral", ())} - {*targets}:
            raise click.UsageError(f"--neutral: there is no target {', '.join(sorted(unknown))}")
        try:
            built = Rules.build(**self.rules)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
        return replace(own, **{name: getattr(built, name) for name in self.rules})


@dataclass(frozen=True)
class Work:
    """What is compared, and how long.

    Attributes:
        chosen: where the requests come from.
        output: what is printed meanwhile and at the end.
        shrink: whether to look for the smallest requests that differ.
        time_limit: seconds; None for no limit.
    """

    chosen: Chosen
    output: Output
    shrink: bool = False
    time_limit: float | None = None


def compare_all(
    opened: AbstractAsyncContextManager[Opened], work: Work, options: Options
) -> Summary:
    """Compare the requests one after the other; Ctrl-C ends it early.

    No comparison is kept: each goes to the output as soon as it is made.
    """
    summary = Summary(())
    try:
        with Shown(work.chosen.is_many and not work.output.is_quiet) as shown:
            anyio.run(run_all, opened, work, options, summary, shown)
    except TargetError as error:
        raise Unavailable(str(error)) from error
    except KeyboardInterrupt:
        summary.interrupted = True
    work.output.finish(summary)
    return summary


async def run_all(
    opened: AbstractAsyncContextManager[Opened],
    work: Work,
    options: Options,
    summary: Summary,
    shown: Shown,
) -> None:
    """Open the input and the targets, and compare."""
    # A wrong file is found before the targets start; a target's own document only after.
    source = None if work.chosen.openapi else await work.chosen.open()
    async with opened as found:
        names = [target.name for target in found.targets]
        comparer = Comparer(found.targets, options.rules_for(found.rules, names), **options.asking)
        if source is None:
            source = await work.chosen.open(found.targets, options.asking["seed"] or 0)
        summary.targets = names
        summary.route_of = Routes(source.templates)
        limit = None if work.time_limit is None else time.monotonic() + work.time_limit
        shown.start(source.total)

        def seen(comparison: Comparison) -> None:
            work.output.add(comparison)
            shown.advance()

        ask = partial(comparer.compare, in_turn=options.in_turn)
        effort = Effort(deadline=limit)
        await run(ask, source, summary, effort, shrink=work.shrink, seen=seen)


def warn_of_writes(targets: Sequence[tuple[str, str]]) -> None:
    """Say before a run that it may change data."""
    names = ", ".join(name for name, _ in targets) or "the mounts of gateway:app"
    click.echo(f"--unsafe: this run may create, change and delete data of {names}.", err=True)


def output_for(many: bool, as_json: bool) -> Output:
    """Return the output for one request or many."""
    if as_json:
        return JSONLines() if many else JSONDocument()
    return Report() if many else Single()
