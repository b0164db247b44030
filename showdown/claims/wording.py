"""What a run says about a claim, in words: for README, the guide and the pages."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from showdown.bench.svg import short
from showdown.claims.results import DATABASES

Claim = Mapping[str, Any]
Condition = Mapping[str, Any]

STATES = ("holds", "fails", "undecided")


def measured(claim: Claim) -> dict[str, str]:
    """Return the intervals of the conditions by state, grouped by subject and database.

    An example: ``{"holds": "hello 3.2-5.1", "fails": "users on SQLite 0.6-1.1 (1 of 2); users on
    PostgreSQL 0.7-1.2"}``. The numbers are ratios, unless they have a unit. A subject whose
    conditions have several states says how many have this one.
    """
    totals = Counter(map(group_of, claim["conditions"]))
    texts = {}
    for state in STATES:
        groups: dict[tuple[str, str], list[Condition]] = {}
        for condition in claim["conditions"]:
            if condition["state"] == state:
                groups.setdefault(group_of(condition), []).append(condition)
        if groups:
            ranges = (
                f"{key[0]} {span(group)}{share(len(group), totals[key])}"
                for key, group in groups.items()
            )
            texts[state] = "; ".join(ranges)
    return texts


def group_of(condition: Condition) -> tuple[str, str]:
    """Return the subject and the unit of a condition."""
    return subject(condition), condition["unit"]


def share(number: int, total: int) -> str:
    """Return how many conditions of a subject are meant, if these are not all."""
    return f" ({number} of {total})" if number < total else ""


def subject(condition: Condition) -> str:
    """Return what a condition measures, without the targets and the number of connections."""
    name = re.sub(r", \d+ connections$", "", condition["name"].partition(": ")[0])
    return f"{name} on {condition['database']}" if condition["database"] else name


def span(group: Sequence[Condition]) -> str:
    """Return the range of several intervals, with the unit if it is not ``times``."""
    ends = [end for one in group for end in one["interval"] or one["values"]]
    low, high, unit = short(min(ends)), short(max(ends)), group[0]["unit"]
    numbers = low if low == high else f"{low}-{high}"
    return numbers if unit == "times" else f"{numbers} {unit}"


def table(run: Mapping[str, Any]) -> str:
    """Return the verdicts of a run as a Markdown table, with the run below it."""
    rows = [
        "| claim | verdict | on SQLite | on PostgreSQL | measured |",
        "|---|---|---|---|---|",
        *(row(claim) for claim in run["claims"] if claim["conditions"]),
    ]
    return "\n".join([*rows, "", provenance(run["manifest"])])


def row(claim: Claim) -> str:
    """Return the row of a claim."""
    verdicts = claim["databases"]
    cells = [
        f"`{claim['name']}`: {claim['quote']}",
        claim["verdict"],
        *(verdicts.get(database, "—") for database in DATABASES),
        "<br>".join(f"{state}: {text}" for state, text in measured(claim).items()),
    ]
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def provenance(manifest: Mapping[str, Any]) -> str:
    """Return when and where a run was made."""
    machine, load = manifest["machine"], manifest["load"]
    return (
        f"Run of {manifest['created'][:10]}: {load['rounds']} rounds on {machine['cores']} cores"
        f" ({machine['processor']}), Python {manifest['versions']['python']};"
        f" {manifest['database']}."
    )


def summary(run: Mapping[str, Any]) -> str:
    """Return the names of the claims by verdict, as a Markdown list."""
    titles = {"holds": "Hold", "does not hold": "Do not hold", "depends": "Depend on conditions"}
    return "\n".join(
        f"- {title}: {', '.join(f'`{name}`' for name in names)}"
        for verdict, title in titles.items()
        if (names := list(decided(run["claims"], verdict)))
    )


def decided(claims: Iterable[Claim], verdict: str) -> Iterable[str]:
    """Yield the names of the claims with a verdict."""
    return (claim["name"] for claim in claims if claim["verdict"] == verdict)
