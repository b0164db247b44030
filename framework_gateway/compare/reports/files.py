"""Write a report into a file; the ending of its name selects the format."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from framework_gateway.compare import exports
from framework_gateway.compare.reports.markdown import as_markdown
from framework_gateway.compare.reports.pages import as_html, as_junit
from framework_gateway.compare.summary import Summary

FORMATS: Mapping[str, str] = {
    ".html": "one page, for people",
    ".md": "Markdown, for a pull request",
    ".xml": "JUnit, for a CI server",
    ".json": "JSON, for programs",
    ".jsonl": "the requests that differ, for --file",
    ".py": "the requests that differ, as a pytest module",
    ".sh": "the requests that differ, as curl commands",
    ".har": "the requests that differ and their answers, as an HTTP Archive",
}


def as_json(summary: Summary) -> str:
    """Return the summary as a JSON document."""
    return json.dumps(summary.as_dict(), indent=2, allow_nan=False) + "\n"


def render(
    name: str,
    summary: Summary,
    targets: Mapping[str, str],
    options: Mapping[str, Any],
    *,
    secrets: bool = False,
) -> str:
    """Return the content of a report.

    Args:
        name: a file name with one of the endings in FORMATS.
        targets, options: what a pytest module compares, and how.
        secrets: keep credentials in an HTTP Archive.
    """
    findings = [*summary.findings.values()]
    formats: Mapping[str, Callable[[], str]] = {
        ".html": lambda: as_html(summary),
        ".md": lambda: as_markdown(summary),
        ".xml": lambda: as_junit(summary),
        ".json": lambda: as_json(summary),
        ".jsonl": lambda: exports.as_lines(findings),
        ".py": lambda: exports.as_pytest(findings, targets, options),
        ".sh": lambda: exports.as_commands(findings),
        ".har": lambda: exports.as_archive(findings, secrets=secrets),
    }
    return formats[Path(name).suffix]()
