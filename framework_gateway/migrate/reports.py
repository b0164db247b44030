"""The evidence of a move as Markdown, JUnit, JSON, and its examples as a replay file and as tests.

Each function takes what ``status.status`` returns.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from framework_gateway.compare.exports import MODULE, TEST, arguments_of, as_line, printable
from framework_gateway.compare.messages import Request
from framework_gateway.compare.reports.markdown import code, escape, table
from framework_gateway.compare.reports.pages import environment
from framework_gateway.migrate.options import Stage
from framework_gateway.migrate.verdicts import Readiness

MAX_EXAMPLES = 3  # differences of a route in a Markdown report
HEADS = ("route", "stage", "compared", "differing", "p95 old", "p95 new", "verdict")

Document = Mapping[str, Any]


def render(name: str, document: Document) -> str:
    """Return the report in the format that the ending of a file name selects."""
    formats: Mapping[str, Callable[[Document], str]] = {
        ".md": as_markdown,
        ".xml": as_junit,
        ".json": as_json,
        ".jsonl": as_lines,
        ".py": as_pytest,
    }
    return formats[Path(name).suffix](document)


def is_ready(document: Document) -> bool:
    """Return whether routes have been seen, and every one is ready."""
    routes = document["routes"].values()
    return bool(routes) and all(one["readiness"] == Readiness.READY for one in routes)


def as_json(document: Document) -> str:
    """Return everything."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def as_markdown(document: Document) -> str:
    """Return the report for a pull request."""
    return "\n".join(markdown_lines(document)) + "\n"


def markdown_lines(document: Document) -> Iterator[str]:
    """Yield the lines: a table of all routes, then what keeps routes from being ready."""
    routes = document["routes"]
    ready = sum(one["readiness"] == Readiness.READY for one in routes.values())
    yield f"### Move of {code(document['move'])}: {ready} of {len(routes)} routes ready"
    yield ""
    if not routes:
        yield "No request has been seen yet."
        return
    yield from table(HEADS, [cells(route, one) for route, one in routes.items()])
    for route, one in routes.items():
        if one["readiness"] != Readiness.READY or one["back"]:
            yield from ["", f"#### {escape(route)}", ""]
            yield from markdown_reasons(one)


def markdown_reasons(one: Document) -> Iterator[str]:
    """Yield why a route is not ready, with the smallest examples."""
    if one["back"]:
        yield f"- Back at the old application: {escape(one['back'])}"
    yield from (f"- {escape(reason)}" for reason in one["reasons"])
    for found in real_differences(one)[:MAX_EXAMPLES]:
        yield f"- {escape(found['what'])}: {found['count']:,} requests ({rate(found)})"
        if example := found["example"]:
            request = example["request"]
            yield f"  - {code(request['method'] + ' ' + request['path'])}"
            for difference in example["differences"][:MAX_EXAMPLES]:
                values = ", ".join(f"{k} {code(v)}" for k, v in difference["values"].items())
                yield f"  - {escape(difference['place'])}: {values}"


def cells(route: str, one: Document) -> list[str]:
    """Return the row of a route."""
    counts = one["counts"]
    times = [milliseconds(one["latency"][side]["p95"]) for side in ("old", "new")]
    compared = f"{counts.get('compared', 0):,}"
    return [route, stage_words(one), compared, f"{one['differing']:,}", *times, one["readiness"]]


def stage_words(one: Document) -> str:
    """Return the stage of a route in words."""
    if one["back"]:
        return f"back at old ({one['stage']})"
    is_live = one["stage"] == Stage.LIVE
    return f"{one['stage']} {one['percent']:g} %" if is_live else str(one["stage"])


def real_differences(one: Document) -> list[Document]:
    """Return the differences of a route that are not noise, the most frequent first."""
    return [found for found in one["differences"] if not found["is_noise"]]


def rate(found: Document) -> str:
    """Return how often a difference was found."""
    return "rate unknown" if found["rate"] is None else f"{found['rate']:.2%}"


def milliseconds(quantile: Document | None) -> str:
    """Return a quantile with its interval."""
    if quantile is None:
        return "-"
    low, high = (quantile[name] for name in ("low", "high"))
    ends = f" ({low * 1000:.1f}-{high * 1000:.1f})" if low is not None and high is not None else ""
    return f"{quantile['value'] * 1000:.1f} ms{ends}"


def as_junit(document: Document) -> str:
    """Return a test case for each route: it fails unless the route is ready."""
    cases = [case_of(route, one) for route, one in document["routes"].items()]
    cases = cases or [("all routes", "nothing", "no request has been seen yet", "")]
    return environment().get_template("move.xml").render(document=document, cases=cases)


def case_of(route: str, one: Document) -> tuple[str, str, str, str]:
    """Return the name of a test case, and the type, the message and the text of its failure."""
    if one["back"]:
        return route, "back", one["back"], "\n".join(markdown_reasons(one))
    if one["readiness"] == Readiness.READY:
        return route, "", "", ""
    return route, one["readiness"], "; ".join(one["reasons"]), "\n".join(markdown_reasons(one))


def examples(document: Document) -> Iterator[tuple[str, Request]]:
    """Yield the kept requests with what they show; a body of which only the size is kept is not."""
    for route, one in document["routes"].items():
        for found in real_differences(one):
            example = found["example"]
            if example is None or "body_size" in example["request"]:
                continue
            kept = example["request"]
            headers = [(name, value) for name, value in kept["headers"]]
            body = kept.get("body", "")
            request = Request.build(kept["method"], kept["path"], headers=headers, body=body)
            yield f"{route}: {found['what']}", request


def as_lines(document: Document) -> str:
    """Return the kept requests as lines for ``gateway compare --file``."""
    lines = dict.fromkeys(as_line(request) for _, request in examples(document))
    return "".join(f"{line}\n" for line in lines)


def as_pytest(document: Document) -> str:
    """Return the kept requests as a pytest module; pytest's settings name the targets."""
    module = MODULE.format(targets="None", options="")
    for number, (what, request) in enumerate(examples(document), 1):
        doc = printable(what).replace("\\", "\\\\").replace('"', "'")
        arguments = arguments_of(request)
        module += TEST.format(name=f"example_{number}", doc=doc, before="", arguments=arguments)
    return module
