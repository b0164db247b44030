"""Print comparisons in a terminal."""

from collections.abc import Sequence

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from framework_gateway.compare.contents import Form, describe
from framework_gateway.compare.credentials import mask
from framework_gateway.compare.findings import Comparison, Difference, Verdict
from framework_gateway.compare.json_values import indent
from framework_gateway.compare.messages import Answer
from framework_gateway.compare.replay import RouteSummary

LINES = 30  # lines shown of each body
DIFFERS = "bold red"


def print_comparison(comparison: Comparison) -> None:
    """Print the answers side by side, then their differences."""
    console = Console()
    request = comparison.request
    equal = comparison.verdict is Verdict.EQUAL
    verdict = Text(str(comparison.verdict), "bold green" if equal else DIFFERS)
    console.print(Text.assemble((f"{request.method} {printable(request.path)}: ", "bold"), verdict))
    columns = Table(expand=True)
    for answer in comparison.answers:
        columns.add_column(printable(answer.target), ratio=1, overflow="fold")
    common = common_lines(comparison.answers)
    columns.add_row(
        *(show_answer(answer, comparison.differences, common) for answer in comparison.answers)
    )
    console.print(columns)
    console.print(Text(comparison.summary))
    if comparison.differences:
        console.print(differences_table([comparison]))


def print_summary(routes: Sequence[RouteSummary], differing: Sequence[Comparison]) -> None:
    """Print one line for each route, then all differences."""
    console = Console()
    table = Table("route", "matched", "differing", "undecided", "failed")
    for route in routes:
        style = DIFFERS if route.differing or route.failed or route.insufficient else "green"
        numbers = (route.matched, route.differing, route.insufficient, route.failed)
        table.add_row(Text(printable(route.route)), *map(str, numbers), style=style)
    console.print(table)
    if differing:
        console.print(differences_table(differing))


def differences_table(comparisons: Sequence[Comparison]) -> Table:
    """Return a table of differences, with the value of each target."""
    names = [answer.target for answer in comparisons[0].answers]
    table = Table("request", "difference", *map(printable, names), title="Differences")
    for comparison in comparisons:
        request = Text(printable(f"{comparison.request.method} {comparison.request.path}"))
        for difference in comparison.differences:
            values = (
                Text(printable(difference.values[name]) if name in difference.values else "—")
                for name in names
            )
            table.add_row(request, f"{difference.part} {difference.name}", *values)
        if comparison.failed:
            errors = (Text(printable(answer.error or "")) for answer in comparison.answers)
            table.add_row(request, "no answer", *errors)
    return table


def show_answer(answer: Answer, differences: Sequence[Difference], common: frozenset[str]) -> Group:
    """Render one answer; differences are highlighted."""
    if answer.error is not None:
        return Group(Text(printable(answer.error), DIFFERS))
    differing = {(difference.part, difference.name.lower()) for difference in differences}
    status = Text(str(answer.status), DIFFERS if ("status", "") in differing else "bold")
    head = [Text.assemble(status, f"  {len(answer.body)} bytes  {show_times(answer)}")]
    for name, value in answer.headers:
        style = DIFFERS if ("header", name.lower()) in differing else "dim"
        head.append(Text(printable(f"{name}: {mask(name, value)}"), style))
    lines = body_lines(answer)
    # If the bodies differ, highlight the lines that not all of them have.
    differs = any(difference.part == "body" for difference in differences)
    body = [Text(line, DIFFERS if differs and line not in common else "") for line in lines[:LINES]]
    if len(lines) > LINES:
        body.append(Text(f"… {len(lines) - LINES} more lines", "dim"))
    return Group(*head, Text(), *body)


def show_times(answer: Answer) -> str:
    """Format the total time and, if known, the times in the queue and in the application."""
    text = f"{answer.seconds * 1000:.1f} ms"
    if answer.waiting is not None and answer.running is not None:
        text += f" (waiting {answer.waiting * 1000:.1f}, running {answer.running * 1000:.1f})"
    return text


def body_lines(answer: Answer) -> list[str]:
    """Return the lines of the body; JSON has one member per line."""
    content = answer.content
    if content.form is Form.JSON:
        text = indent(content.value)
    elif content.text is None and answer.body:
        text = describe(answer.body, 0)
    else:
        text = content.text or ""
    return [printable(line) for line in text.splitlines()]


def common_lines(answers: Sequence[Answer]) -> frozenset[str]:
    """Return the lines that all bodies contain."""
    sets = [frozenset(body_lines(answer)) for answer in answers if answer.error is None]
    return frozenset.intersection(*sets) if sets else frozenset()


def printable(text: str) -> str:
    """Replace control characters, which could control the terminal."""
    return "".join(
        char if char.isprintable() or char == "\t" else "\N{REPLACEMENT CHARACTER}" for char in text
    )
