"""What all reports show, as text."""

from collections import Counter
from collections.abc import Iterator, Sequence

from framework_gateway.compare.findings import Comparison
from framework_gateway.compare.groups import groups_of
from framework_gateway.compare.latency import Gap
from framework_gateway.compare.messages import Request
from framework_gateway.compare.summary import Finding, RouteSummary, Summary

MOST_NOTES = 10
ABSENT = "—"
COUNTS = ("route", "matched", "differing", "failed")


def verdict(summary: Summary) -> str:
    """Return the result in one sentence."""
    reasons = {"interrupted": summary.interrupted, "stopped at the time limit": summary.is_late}
    end = "".join(f" ({reason})" for reason, is_so in reasons.items() if is_so)
    if not summary.total:
        return f"No request was compared{end}"
    counts = summary.counts
    targets = " and ".join(summary.targets)
    text = f"{count(summary.total, 'request')} to {targets}: "
    parts = [f"{counts['matched']} equal", f"{counts['differing']} different"]
    if counts["insufficient"]:
        parts.append(f"{counts['insufficient']} undecided")
    parts.append(f"{counts['failed']} without an answer")
    return text + ", ".join(parts) + end


def count(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def remarks(summary: Summary) -> Iterator[str]:
    """Yield what was compared, what did not count, and what was left out."""
    if summary.total:
        yield "Headers that count: " + "; ".join(summary.headers)
        yield "Bodies compared by: " + numbers(summary.bodies)
        yield "Statuses: " + numbers(summary.statuses)
    for (rule, reason), uses in summary.uses.items():
        because = f" ({reason})" if reason else ""
        yield f"Rule {rule}{because}: used {count(uses, 'time')}"
    for (place, reason), number in summary.notes.most_common(MOST_NOTES):
        yield f"Does not count: {place}, {reason}: {count(number, 'time')}"
    if len(summary.notes) > MOST_NOTES:
        yield f"Does not count: {len(summary.notes) - MOST_NOTES} further places"
    for reason, number in summary.skipped.items():
        yield f"Left out: {number} {reason}"
    for finding in summary.unstable:
        yield f"Not found again: {finding.group}"
    if summary.ungrouped:
        yield f"Left out: {count(summary.ungrouped, 'difference')} in more groups"


def numbers(counter: Counter[str]) -> str:
    """Return names with their counts, the most frequent first."""
    shown = [f"{name} ({number})" for name, number in counter.most_common(MOST_NOTES)]
    more = len(counter) - len(shown)
    return ", ".join(shown) + (f", and {more} more" if more else "")


def columns(summary: Summary) -> list[str]:
    """Return the heads of the table of routes."""
    first, *others = summary.targets or [""]
    times = [f"{target} p50 / p95" for target in summary.targets]
    return [*COUNTS, *times, *(f"{other} - {first}" for other in others)]


def row(route: RouteSummary, targets: Sequence[str]) -> list[str]:
    """Return the cells of a route, as many as ``columns``."""
    failed = f"{route.failed}" + (
        f" (+{route.insufficient} undecided)" if route.insufficient else ""
    )
    cells = [route.route, str(route.equal), str(route.differing), failed]
    for target in targets:
        found = route.latencies.get(target)
        values = [found.quantile(0.5), found.quantile(0.95)] if found else [None, None]
        cells.append(" / ".join(map(milliseconds, values)))
    return cells + [interval(route.gaps.get(target)) for target in targets[1:]]


def milliseconds(seconds: float | None) -> str:
    """Format seconds with three significant digits."""
    return ABSENT if seconds is None else f"{seconds * 1000:.3g} ms"


def interval(gap: Gap | None) -> str:
    """Format the 95 % interval of the mean difference of two targets."""
    found = gap.interval() if gap else None
    return ABSENT if found is None else "{:+.2g} to {:+.2g} ms".format(*(1000 * x for x in found))


def request_line(request: Request) -> str:
    """Return method and path."""
    return f"{request.method} {request.path}"


def values_of(finding: Finding, targets: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield place and values, by target, of the example's differences in the finding's group."""
    example = finding.example
    if example.failed:
        yield finding.group.place, {one: example.failures.get(one, ABSENT) for one in targets}
        return
    for difference in example.counting:
        alone = Comparison(example.request, example.answers, [difference])
        if finding.group in groups_of(alone, finding.group.route):
            yield difference.place, {one: difference.values.get(one, ABSENT) for one in targets}


def title(finding: Finding) -> str:
    """Return the group, and how many comparisons are in it."""
    checked = f", seen again {finding.checked} times" if finding.checked else ""
    return f"{finding.group} — {count(finding.count, 'request')}{checked}"


def explain(comparison: Comparison) -> str:
    """Return the differences that count with whole values, and the commands to look further."""
    lines = [f"{request_line(comparison.request)}: {comparison.verdict}"]
    if comparison.error is not None:
        lines.append(f"the comparing failed: {comparison.error}")
    lines += [f"{target}: {reason}" for target, reason in comparison.failures.items()]
    width = max((len(answer.target) for answer in comparison.answers), default=0)
    for difference in comparison.counting or comparison.notes:
        lines.append(f"{difference.place} ({difference.kind})")
        for answer in comparison.answers:
            value = difference.values.get(answer.target, ABSENT)
            lines.append(f"  {answer.target:<{width}}  {value}")
    lines += [f"{answer.target}: {answer.curl}" for answer in comparison.answers]
    return "\n".join(lines)
