"""Reports in a terminal: differences first, with whole values, at any width."""

from collections.abc import Iterable, Sequence

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from framework_gateway.compare.credentials import mask
from framework_gateway.compare.findings import Comparison, Difference, Verdict
from framework_gateway.compare.messages import Answer
from framework_gateway.compare.reports import shown
from framework_gateway.compare.reports.bodies import DIFFERS, folded, lines_of, printable
from framework_gateway.compare.summary import Finding, RouteSummary, Summary

LINES = 30  # lines of a body that are shown without folding
ROUTES = 50
NARROWEST = 38  # characters of a column; narrower answers are stacked
STYLES = {Verdict.EQUAL: "bold green", Verdict.INSUFFICIENT: "bold yellow"}


def print_comparison(comparison: Comparison, console: Console | None = None) -> None:
    """Print the differences of one comparison, what was compared, and the answers."""
    console = console or Console()
    request = printable(shown.request_line(comparison.request))
    verdict = (str(comparison.verdict), STYLES.get(comparison.verdict, DIFFERS))
    console.print(Text.assemble((f"{request}: ", "bold"), verdict), soft_wrap=True)
    if comparison.error is not None:
        console.print(Text(printable(f"The comparing failed: {comparison.error}"), DIFFERS))
    targets = [answer.target for answer in comparison.answers]
    for target, reason in comparison.failures.items():
        console.print(Text.assemble((f"{target}: ", "bold"), (printable(reason), DIFFERS)))
    for difference in [*comparison.counting, *comparison.notes]:
        console.print(show_difference(difference, targets))
    for line in scope_lines(comparison):
        console.print(Text(printable(line), "dim"))
    console.print(show_answers(comparison, console.width))


def print_summary(
    summary: Summary, console: Console | None = None, *, routes: int = ROUTES
) -> None:
    """Print the findings, a line for each of the first routes, and what was left out."""
    console = console or Console()
    for finding in summary.findings.values():
        console.print(show_finding(finding, summary.targets))
    # Routes with differences come first, then in the order of their first requests.
    ordered = sorted(
        summary.routes.values(), key=lambda route: not (route.differing or route.failed)
    )
    console.print(show_routes(summary, ordered[:routes], console))
    if hidden := ordered[routes:]:
        equal = "" if any(route.differing or route.failed for route in hidden) else ", equal"
        console.print(Text(f"{shown.count(len(hidden), 'more route')}{equal}", "dim"))
    for remark in shown.remarks(summary):
        console.print(Text(printable(remark), "dim"))
    style = "bold green" if summary.identical else DIFFERS
    console.print(Text(printable(shown.verdict(summary)), style))


def show_difference(difference: Difference, targets: Sequence[str]) -> RenderableType:
    """Return the place of a difference, and below it the whole value of each target."""
    head = Text(printable(difference.place), "bold" if difference.counts else "dim")
    if str(difference.kind) != difference.part:
        head.append(f"  {difference.kind}", "dim")
    if difference.reason:
        head.append(f"  does not count: {printable(difference.reason)}", "dim")
    if difference.between is not None and difference.within is not None:
        head.append(f"  between {difference.between}, within {difference.within}", "dim")
    values = {target: difference.values.get(target, shown.ABSENT) for target in targets}
    return Group(head, show_values(values))


def show_values(values: dict[str, str]) -> RenderableType:
    """Return a line for each target; long values continue in the next line."""
    table = Table.grid(padding=(0, 1))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for target, value in values.items():
        table.add_row(printable(target), Text(printable(value)))
    return Padding(table, (0, 0, 0, 2), expand=False)


def show_finding(finding: Finding, targets: Sequence[str]) -> RenderableType:
    """Return a finding: what differs, how often, the smallest request, and its values."""
    request = finding.example.request
    parts: list[RenderableType] = [
        Text(printable(shown.title(finding)), "bold"),
        Text.assemble("  ", (request.method, "green"), f" {printable(request.path)}"),
    ]
    if request.body:
        parts.append(Text("  " + printable(request.body.decode(errors="replace"))))
    (place, values), *others = shown.values_of(finding, targets)
    if place != finding.group.place:
        parts.append(Text(f"  {printable(place)}", "dim"))
    parts.append(show_values(values))
    if others:
        parts.append(Text(f"  … and in {shown.count(len(others), 'more place')}", "dim"))
    return Group(*parts, Text())


def show_routes(
    summary: Summary, routes: Sequence[RouteSummary], console: Console
) -> RenderableType:
    """Return a row for each route; without room, the latencies are a table of their own."""
    count = len(shown.COUNTS)
    every = range(len(shown.columns(summary)))
    whole = routes_table(summary, routes, every)
    # Measured with the console's own options, no table is wider than the console.
    unlimited = console.options.update(max_width=10_000)
    if Measurement.get(console, unlimited, whole).maximum <= console.width:
        return whole
    times = routes_table(summary, routes, [0, *every[count:]])
    return Group(routes_table(summary, routes, every[:count]), Text(), times)


def routes_table(summary: Summary, routes: Sequence[RouteSummary], columns: Sequence[int]) -> Table:
    """Return a table with some of the columns."""
    heads = shown.columns(summary)
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(printable(heads[column]), overflow="fold")
    for route in routes:
        cells = shown.row(route, summary.targets)
        differs = route.differing or route.failed
        table.add_row(
            *(Text(printable(cells[column])) for column in columns), style="red" if differs else ""
        )
    return table


def scope_lines(comparison: Comparison) -> Iterable[str]:
    """Yield what was compared, and the rules that were used."""
    yield comparison.summary
    yield f"Headers that count: {comparison.scope.headers}."
    for use in comparison.uses:
        because = f" ({use.reason})" if use.reason else ""
        yield f"{use.rule}{because}: {shown.count(use.uses, 'time')}"


def show_answers(comparison: Comparison, width: int) -> RenderableType:
    """Return the answers side by side, or one below the other if there is no room."""
    sets = [frozenset(lines_of(answer)) for answer in comparison.answers if answer.error is None]
    common = frozenset.intersection(*sets) if sets else frozenset()
    places = {(str(one.part), one.name.lower()) for one in comparison.counting}
    each = width // max(1, len(comparison.answers))
    answers = [show_answer(answer, common, places) for answer in comparison.answers]
    if each < NARROWEST:
        return Group(*answers)
    return Columns(answers, width=each - 1, padding=(0, 1, 0, 0))


def show_answer(
    answer: Answer, common: frozenset[str], places: set[tuple[str, str]]
) -> RenderableType:
    """Return the head and the body of one answer; what differs is highlighted."""
    head = Text(f"── {printable(answer.target)} ", "bold cyan")
    if answer.error is not None:
        return Group(head, Text(printable(answer.error), DIFFERS))
    status = Text(str(answer.status), DIFFERS if ("status", "") in places else "bold")
    lines = [head, Text.assemble(status, f"  {len(answer.body)} bytes  {times(answer)}")]
    for name, value in answer.headers:
        style = DIFFERS if ("header", name.lower()) in places else ""
        lines.append(
            Text.assemble(
                (printable(name), style or "cyan"), ": ", (printable(mask(name, value)), style)
            )
        )
    return Group(*lines, Text(), *folded(answer, common, LINES))


def times(answer: Answer) -> str:
    """Format the total time and, if known, the times in the queue and in the application."""
    text = f"{answer.seconds * 1000:.1f} ms"
    if answer.waiting is not None and answer.running is not None:
        text += f" (waiting {answer.waiting * 1000:.1f}, running {answer.running * 1000:.1f})"
    return text
