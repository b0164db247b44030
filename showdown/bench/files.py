"""Options for files that a measurement writes at its end."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from framework_gateway.cli.reports import ReportFile

F = TypeVar("F", bound=Callable[..., Any])


def new_file(*names: str, ending: str, help: str) -> Callable[[F], F]:
    """Return an option for a file; a wrong name is refused before the measurement, not after it.

    Args:
        names: of the option and its parameter.
        ending: of the file's name, such as ``.json``.
        help: says what is written.
    """
    return click.option(
        *names, type=ReportFile([ending]), metavar="FILE", callback=as_path, help=help
    )


def as_path(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Path | None:
    """Return the path of a name that was given."""
    return None if value is None else Path(value)
