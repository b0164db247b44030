"""The tables at the end of a soak."""

import itertools
from collections import Counter
from collections.abc import Sequence
from statistics import median

from rich.console import Group
from rich.table import Table

from tests.soak.cycles import Soak
from tests.soak.histories import Histories
from tests.soak.listeners import RESET
from tests.soak.measures import growth, slope
from tests.soak.trouble import Trouble


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


def report_trouble(trouble: Trouble) -> Group:
    """Return the tables of a soak with faults: the faults, and what they have left."""
    faults = Table("fault", "times", "longest recovery (s)", title=trouble.database.name)
    for name, times in trouble.faults.items():
        longest = max(trouble.recoveries[name], default=float("nan"))
        faults.add_row(name, str(times), f"{longest:.1f}")
    table = Table("what", "figure", title="What is left")
    for name, figure in figures(trouble).items():
        table.add_row(name, str(figure))
    errors = trouble_errors(trouble)
    return Group(faults, table, errors, *trouble.answers.failures, *trouble.problems)


def trouble_errors(trouble: Trouble) -> Table:
    """Return how often each error was logged with a traceback."""
    table = Table("logged with a traceback", "times", title="Errors of gateways and workers")
    kinds = Counter(error.partition(":")[0] for error in trouble.errors)
    for kind, times in kinds.most_common():
        table.add_row(kind, str(times))
    return table


def figures(trouble: Trouble) -> dict[str, object]:
    """Return the figures of a soak with faults."""
    ledger, orders = trouble.ledger, trouble.orders
    wrong = ledger.compare(trouble.stored)
    answers = sorted(trouble.answers.counts.items(), key=str)
    longest = max(itertools.chain(*trouble.recoveries.values()), default=0)
    found: dict[str, object] = {
        "faults": trouble.faults.total(),
        "longest recovery (s)": f"{longest:.1f}",
        "answers": ", ".join(f"{status}: {count}" for status, count in answers),
        "longest answer (s)": f"{trouble.answers.longest:.1f}",
        "answers without an excuse": len(trouble.answers.failures),
        "writes acknowledged": ledger.acknowledged,
        "writes refused": ledger.refused,
        "users with a state that was not possible": len(wrong),
        "users with a write that was neither": ledger.unsure,
        "restores": ledger.restores,
        "users taken back by them": ledger.taken_back,
        "webhooks accepted": sum(sender.accepted for sender in trouble.senders),
        "exports": dict(orders.outcomes),
        "exports that have not ended": len(orders.waiting),
        "longest export (s)": f"{orders.longest:.1f}",
        "jobs": trouble.jobs,
        "ends of the gateway, by status": dict(trouble.gateway.ends),
        "ends of the other worker": dict(trouble.other_worker.ends),
        "processes before": dict(trouble.before.roles),
        "processes after": dict(trouble.after.roles),
        "defunct": trouble.after.defunct,
    }
    for name in ("memory", "threads", "files"):
        before, after = getattr(trouble.before, name), getattr(trouble.after, name)
        found[f"{name} at rest, before and after"] = f"{before:.0f}, {after:.0f}"
    if trouble.histories:
        histories = Histories(trouble.histories)
        for number, listener in enumerate(trouble.listeners):
            events = listener.events
            resets = sum(event.action == RESET for event in events)
            lost = len(histories.check(events))
            found[f"events of listener {number} ({type(listener).__name__})"] = (
                f"{len(events) - resets} and {resets} resets; {lost} lost or doubled"
            )
    return found
