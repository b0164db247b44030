"""The options of ``gateway compare`` that say what is reported, and where."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from framework_gateway.cli.types import SECONDS

if TYPE_CHECKING:
    from framework_gateway.compare.summary import Summary

ENDINGS = (".html", ".md", ".xml", ".json", ".jsonl", ".py", ".sh", ".har")


class ReportFile(click.ParamType[str]):
    """A file whose ending is that of a report.

    Args:
        endings: the endings of the formats.
    """

    name = "file"

    def __init__(self, endings: Sequence[str]) -> None:
        self.endings = endings

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        path = Path(value)
        if path.suffix not in self.endings:
            self.fail(f"the name '{value}' must end with {', '.join(self.endings)}", param, ctx)
        if path.is_dir():
            self.fail(f"{value} is a directory; name a file", param, ctx)
        if not path.parent.is_dir():
            self.fail(f"there is no directory {path.parent}", param, ctx)
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            self.fail(f"{value} may not be written by this user", param, ctx)
        return str(value)


OPTIONS = (
    click.option("--json", "as_json", is_flag=True, help="Print JSON."),
    click.option(
        "--report",
        "reports",
        multiple=True,
        type=ReportFile(ENDINGS),
        metavar="FILE",
        help="Also write a report; the ending of FILE selects the format: .html, .md, .xml (JUnit)"
        " or .json; for the requests that differ .jsonl, .py (pytest), .sh (curl) or .har.",
    ),
    click.option(
        "--shrink/--no-shrink",
        default=None,
        help="Ask again where answers differ, and look for the smallest request that shows it."
        "  [default: with --openapi]",
    ),
    click.option(
        "--time-limit",
        type=SECONDS,
        metavar="SECONDS",
        help="Send no more requests after this time.",
    ),
)


def report_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def write_reports(
    files: Sequence[str],
    summary: "Summary",
    targets: Sequence[tuple[str, str]],
    options: Mapping[str, Any],
    *,
    secrets: bool,
) -> None:
    """Write each report; the directory of each file exists.

    Raises:
        UsageError: some could not be written; the others are.
    """
    from framework_gateway.compare.reports.files import render

    failed = []
    for name in files:
        content = render(name, summary, dict(targets), options, secrets=secrets)
        # Half a surrogate pair, which JSON can spell, has no UTF-8.
        try:
            Path(name).write_text(content, encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            failed.append(f"{name}: {error.strerror}")
            continue
        print(f"wrote {name}{warning_of(name, summary)}", file=sys.stderr)
    if failed:
        raise click.UsageError("; ".join(failed))


def warning_of(name: str, summary: "Summary") -> str:
    """Return a warning if a report of requests, which people keep, has their credentials."""
    from framework_gateway.compare.credentials import HEADERS

    if Path(name).suffix not in (".py", ".jsonl"):
        return ""
    requests = [
        request
        for finding in summary.findings.values()
        for request in (*finding.before, finding.example.request)
    ]
    names = {header.lower() for request in requests for header, _ in request.headers}
    return "; it contains credentials" if names & HEADERS else ""
