"""The tables at the end of a soak."""

from collections import Counter
from collections.abc import Sequence
from statistics import median

from rich.console import Group
from rich.table import Table

from tests.soak.cycles import Soak
from tests.soak.measures import growth, slope


def report(soak: Soak) -> Group:
    """Return the tables: holdings, responses, rude clients, errors, healthy latencies."""
    tables = (holdings(soak), answers(soak), visits(soak), errors(soak), latencies(soak))
    return Group(*tables, summary(soak))


def summary(soak: Soak) -> str:
    """Return sentences about what the tables do not show."""
    ledger, failures = soak.ledger, soak.answers.failures
    lines = [
        f"{ledger.acknowledged} writes acknowledged, {len(ledger.compare(soak.stored))} of their"
        f" users not stored as expected, {ledger.unsure} users whose last write was not"
        " acknowledged.",
        f"{len(failures)} of {soak.answers.counts.total()} responses without an excuse;"
        f" {len(soak.events)} events, {soak.restarts} restarts of the database.",
    ]
    if len(soak.samples) > 2:
        lines.append(f"Memory grows by {slope(soak.samples):.1f} MiB per hour, by least squares.")
    return "\n".join([*lines, *failures])


def holdings(soak: Soak) -> Table:
    table = Table(
        "at rest (memory in MiB)",
        "first",
        "last",
        "smallest",
        "largest",
        "growth",
        title="What is held",
    )
    for name in ("memory", "threads", "files", "connections"):
        values = [getattr(sample, name) for sample in soak.samples]
        if values:
            figures = (values[0], values[-1], min(values), max(values), growth(values))
            table.add_row(name, *(f"{figure:.0f}" for figure in figures))
    return table


def answers(soak: Soak) -> Table:
    table = Table("status", "answers", title="Polite clients")
    for status, count in sorted(soak.answers.counts.items(), key=str):
        table.add_row(str(status), str(count))
    return table


def visits(soak: Soak) -> Table:
    table = Table("client", "outcome", "visits", title="Rude clients")
    for (kind, outcome), count in sorted(soak.rude.outcomes.items()):
        table.add_row(kind.replace("_", " "), outcome, str(count))
    return table


def errors(soak: Soak) -> Table:
    table = Table("logged with a traceback", "times", title="Errors of the server")
    kinds = Counter(error.partition(":")[0] for error in soak.errors)
    for kind, count in kinds.most_common():
        table.add_row(kind, str(count))
    return table


def latencies(soak: Soak) -> Table:
    table = Table("stuck", "healthy", "median latency / quiet", title="Healthy mounts")
    for (stuck, mount), ratios in soak.ratios.items():
        table.add_row(stuck, mount, spread(ratios))
    return table


def spread(values: Sequence[float]) -> str:
    """Return the median and the extremes."""
    return f"{median(values):.2f} ({min(values):.2f}-{max(values):.2f})"
