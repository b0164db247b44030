"""A report in Markdown, short enough for the description of a pull request."""

import re
from collections.abc import Iterator, Sequence

from framework_gateway.compare.reports import shown
from framework_gateway.compare.summary import Finding, Summary

LONGEST = 300  # characters of a value
MAX_FINDINGS = 50
MAX_PLACES = 3  # of each finding


def as_markdown(summary: Summary) -> str:
    """Return the report: the result, the differences, the routes."""
    return "\n".join(lines(summary)) + "\n"


def lines(summary: Summary) -> Iterator[str]:
    """Yield the report's lines."""
    yield f"### Comparison: {'equal' if summary.identical else 'not equal'}"
    yield from ["", escape(shown.verdict(summary)) + ".", ""]
    findings = [*summary.findings.values()]
    for finding in findings[:MAX_FINDINGS]:
        yield from section(finding, summary.targets)
    if len(findings) > MAX_FINDINGS:
        yield from [f"{len(findings) - MAX_FINDINGS} more kinds of differences.", ""]
    yield from ["<details><summary>Routes, and what was compared</summary>", ""]
    yield from table(
        shown.columns(summary),
        [shown.row(route, summary.targets) for route in summary.routes.values()],
    )
    yield ""
    yield from (f"- {escape(remark)}." for remark in shown.remarks(summary))
    yield from ["", "</details>"]


def section(finding: Finding, targets: Sequence[str]) -> Iterator[str]:
    """Yield the lines of one finding."""
    yield from [f"#### {escape(shown.title(finding))}", ""]
    yield from [f"Smallest request: {code(shown.request_line(finding.example.request))}", ""]
    if body := finding.example.request.body:
        yield from [f"Body: {code(body.decode(errors='replace'))}", ""]
    rows = [
        [place, *(code(values[target]) for target in targets)]
        for place, values in shown.values_of(finding, targets)
    ]
    yield from table(["", *targets], rows[:MAX_PLACES], is_code=True)
    if len(rows) > MAX_PLACES:
        yield from ["", f"And in {shown.count(len(rows) - MAX_PLACES, 'more place')}."]
    yield ""


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], is_code: bool = False) -> list[str]:
    """Return the lines of a table; ``is_code``: all cells but the first are Markdown already."""
    return [
        f"| {' | '.join(map(escape, heads))} |",
        "|" + "---|" * len(heads),
        *(
            f"| {' | '.join([escape(first), *(others if is_code else map(escape, others))])} |"
            for first, *others in rows
        ),
    ]


def escape(text: str) -> str:
    """Return text without a meaning in Markdown and HTML."""
    text = re.sub(r"([\\`*_\[\]|<>#~])", r"\\\1", " ".join(text.split()))
    return text.replace("&", "&amp;").replace("@", "@\N{ZERO WIDTH NON-JOINER}")


def code(text: str) -> str:
    """Return text as code in one line of a table; long text is cut."""
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}… ({len(text) - LONGEST} more characters)"
    text = " ".join(text.split())
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    # In a table, a bar ends the cell even inside of code.
    return f"{fence} {text} {fence}".replace("|", "\\|")
