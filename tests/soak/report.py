"""The tables at the end of a soak."""

from collections import Counter
from collections.abc import Sequence
from statistics import median

from rich.console import Group
from rich.table import Table

from tests.soak.cycles import Soak
from tests.soak.measures import growth, slope


def report(soak: Soak) -> Group:
    """Return what was held, answered, done to rude clients, and how long healthy mounts took."""
    return Group(holdings(soak), answers(soak), visits(soak), errors(soak), latencies(soak))


def holdings(soak: Soak) -> Table:
    table = Table("at rest", "first", "last", "smallest", "largest", "growth", title="What is held")
    for name in ("memory", "threads", "files", "connections"):
        values = [getattr(sample, name) for sample in soak.samples]
        if values:
            figures = (values[0], values[-1], min(values), max(values), growth(values))
            table.add_row(name, *(f"{figure:.0f}" for figure in figures))
    if len(soak.samples) > 2:
        table.caption = f"memory grows by {slope(soak.samples):.1f} MiB an hour, by least squares"
    return table


def answers(soak: Soak) -> Table:
    table = Table("status", "answers", title="Polite clients")
    for status, count in sorted(soak.answers.counts.items(), key=str):
        table.add_row(str(status), str(count))
    ledger, lost = soak.ledger, len(soak.ledger.compare(soak.stored))
    table.caption = (
        f"{len(soak.answers.failures)} not to be excused; {ledger.acknowledged} writes "
        f"acknowledged, {ledger.unsure} users unsure, {lost} not as they should be; "
        f"{len(soak.events)} events, {soak.restarts} restarts of the database"
    )
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
    title = "Median latency of a healthy mount while another is stuck, to that in quiet"
    table = Table("stuck", "healthy", "ratio", title=title)
    for (stuck, mount), ratios in soak.ratios.items():
        table.add_row(stuck, mount, spread(ratios))
    return table


def spread(values: Sequence[float]) -> str:
    """Return the median and the extremes."""
    return f"{median(values):.2f} ({min(values):.2f}-{max(values):.2f})"
