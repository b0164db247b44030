"""Reports from templates: one self-contained HTML page, and JUnit's XML."""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from framework_gateway.compare.credentials import mask
from framework_gateway.compare.groups import NO_ANSWER
from framework_gateway.compare.messages import Headers, as_text
from framework_gateway.compare.reports import shown
from framework_gateway.compare.summary import Finding, RouteSummary, Summary

# Characters that XML 1.0 does not allow, not even as references.
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@cache
def environment() -> Environment:
    """Return the templates; all of them escape what they show."""
    loader = FileSystemLoader(Path(__file__).parent.parent / "templates")
    found = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    found.filters["clean"] = clean
    found.globals.update(shown=shown, headers=masked, body=body_text)
    return found


def as_html(summary: Summary) -> str:
    """Return one page that loads nothing else."""
    return clean(environment().get_template("report.html").render(summary=summary))


def as_junit(summary: Summary) -> str:
    """Return a test case for each route, with a failure for each finding."""
    findings = [*summary.findings.values()]
    cases = []
    for name, route in summary.routes.items():
        found = [one for one in findings if one.group.route == name]
        cases.append((name, found, unproven(route, found)))
    errors = sum(map(is_error, findings))
    rest = len([reason for _, _, reason in cases if reason])
    is_whole = summary.total > 0 and not summary.interrupted
    return (
        environment()
        .get_template("report.xml")
        .render(
            summary=summary,
            cases=cases,
            failures=len(findings) - errors + rest,
            errors=errors + (not is_whole),
            is_whole=is_whole,
            is_error=is_error,
            text=lambda finding: details(finding, summary),
        )
    )


def unproven(route: RouteSummary, findings: Sequence[Finding]) -> str:
    """Return why a route is not equal although no finding says so; an empty text if it is."""
    if route.insufficient:
        return f"{shown.count(route.insufficient, 'request')} undecided: too few answers"
    if (others := route.differing + route.failed) and not findings:
        return f"{shown.count(others, 'request')} not equal, but without a finding"
    return ""


def is_error(finding: Finding) -> bool:
    """Return whether a target did not answer."""
    return finding.group.place == NO_ANSWER


def details(finding: Finding, summary: Summary) -> str:
    """Return the text of a failure: the request, the values and the curl commands."""
    lines = [shown.request_line(finding.example.request)]
    for place, values in shown.values_of(finding, summary.targets):
        lines += [place, *(f"  {target}: {value}" for target, value in values.items())]
    lines += [f"{answer.target}: {answer.curl}" for answer in finding.example.answers]
    return "\n".join(lines)


def clean(text: str) -> str:
    """Replace the characters that no XML or HTML document may contain."""
    return NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def masked(headers: Headers) -> Headers:
    """Return headers without credentials."""
    return [(name, mask(name, value)) for name, value in headers]


def body_text(body: bytes) -> str:
    """Return a body as text; binary data in Base64, with its size."""
    text = as_text(body)
    if text["encoding"] == "utf-8":
        return text["body"]
    return f"{len(body)} bytes in Base64:\n{text['body']}"
