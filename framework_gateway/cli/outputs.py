"""What ``gateway compare`` prints, while it compares."""

import json
from typing import Protocol, Self

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from framework_gateway.compare.findings import Comparison
from framework_gateway.compare.reports.terminal import print_comparison, print_summary
from framework_gateway.compare.summary import Summary


class Output(Protocol):
    """Prints comparisons; it keeps none of them."""

    @property
    def is_quiet(self) -> bool:
        """Whether nothing else, such as a progress bar, is shown."""

    def add(self, comparison: Comparison) -> None:
        """Take one comparison."""

    def finish(self, summary: Summary) -> None:
        """Print what comes last."""


class Single:
    """The differences of one request, and the answers side by side."""

    is_quiet = False

    def add(self, comparison: Comparison) -> None:
        print_comparison(comparison)

    def finish(self, summary: Summary) -> None:
        pass


class Report:
    """The differences of many requests, then a line for each route."""

    is_quiet = False

    def add(self, comparison: Comparison) -> None:
        pass

    def finish(self, summary: Summary) -> None:
        print_summary(summary)


class JSONDocument:
    """One comparison as one JSON document."""

    is_quiet = True

    def add(self, comparison: Comparison) -> None:
        click.echo(to_json(comparison.as_dict()))

    def finish(self, summary: Summary) -> None:
        pass


class JSONLines:
    """Many comparisons as one JSON document, written while it grows."""

    is_quiet = True

    def __init__(self) -> None:
        self.is_begun = False

    def add(self, comparison: Comparison) -> None:
        click.echo(",\n" if self.is_begun else '{"comparisons": [\n', nl=False)
        click.echo(to_json(comparison.as_dict()), nl=False)
        self.is_begun = True

    def finish(self, summary: Summary) -> None:
        begin = "" if self.is_begun else '{"comparisons": ['
        click.echo(begin + "\n],\n" + to_json(summary.as_dict()).removeprefix("{\n"))


class Shown:
    """A progress bar on a terminal's stderr, with the time that is left.

    Args:
        is_shown: whether there is one.
    """

    def __init__(self, is_shown: bool) -> None:
        console = Console(stderr=True)
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            # In a file, Rich would leave an empty line.
            disable=not (is_shown and console.is_terminal),
        )
        self.task = self.progress.add_task("starting the targets", total=None)

    def __enter__(self) -> Self:
        self.progress.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.progress.stop()

    def start(self, total: int | None) -> None:
        """Begin to count the requests."""
        self.progress.update(self.task, description="comparing", total=total, completed=0)

    def advance(self) -> None:
        """Count one request."""
        self.progress.advance(self.task)


def to_json(document: object) -> str:
    """Return valid JSON in UTF-8: half a surrogate pair stays an escape."""
    text = json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False)
    return text.encode(errors="backslashreplace").decode()
