"""A claim: a sentence of the article, a rule, and the experiment that decides it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from showdown.bench.databases import Databases
from showdown.bench.measure import Case, Samples
from showdown.bench.samples import ratios
from showdown.bench.targets import Server
from showdown.claims.verdicts import Condition, Verdict, decide, decide_by_database

# What the name of a condition says of its figure.
LABELS = {
    "rate": "",
    "cpu": ", CPU time",
    **{name: f", {name}" for name in ("p50", "p95", "p99")},
}
# By their names on the command line.
DATABASES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def uses_database(case: Case) -> bool:
    """Return whether the requests read or write users."""
    return case.workload.path.startswith("/api/users")


@dataclass(frozen=True)
class Comparison:
    """A condition measured under load: the figure of one case divided by that of another.

    Attributes:
        at_least: the ratio that the claim says.
    """

    name: str
    case: Case
    other: Case
    at_least: float
    figure: str = "rate"

    def judge(self, samples: Samples, database: str | None = None) -> Condition:
        """Calculate the ratio of each round.

        Args:
            database: on which both cases were measured, if they use one.
        """
        values = ratios(samples[self.case], samples[self.other], self.figure)
        return Condition(self.name, values, self.at_least, database=database)


@dataclass(frozen=True)
class Laboratory:
    """What an experiment can use.

    Attributes:
        quick: only check that the experiment works.
    """

    databases: Databases
    directory: Path
    rounds: int
    quick: bool
    notify: Callable[[str], None]


@dataclass(frozen=True)
class Findings:
    """The result of an experiment.

    Attributes:
        figures: table rows to read, in addition to the conditions.
        left_out: what could not be measured, and why.
    """

    conditions: Sequence[Condition]
    figures: Sequence[Mapping[str, Any]] = ()
    left_out: Sequence[str] = ()


@dataclass(frozen=True)
class Claim:
    """A sentence of the article.

    Attributes:
        quote: the article's words.
        rule: what has to be measured for the claim to hold.
        comparisons: conditions measured under load.
        experiment: determines the conditions in another way.
        servers: those that the experiment starts, by their names in the manifest.
        databases: on which the comparisons are measured; those that use none, only on the first.
        link: the page that shows what cannot be measured.
        options: those of the command that tests only this claim; `--only NAME` by default.
    """

    name: str
    quote: str
    rule: str
    comparisons: Sequence[Comparison] = ()
    experiment: Callable[[Laboratory], Findings] | None = None
    servers: Mapping[str, Server] = field(default_factory=dict)
    link: str | None = None
    databases: Collection[str] = tuple(DATABASES)
    options: str = ""

    @property
    def cases(self) -> list[Case]:
        """The cases that the comparisons need, without duplicates."""
        pairs = ((comparison.case, comparison.other) for comparison in self.comparisons)
        return list({case: None for pair in pairs for case in pair})

    def cases_on(self, database: str, available: Sequence[str]) -> list[Case]:
        """Return the cases to measure on one of the available databases."""
        wanted = [name for name in available if name in self.databases]
        return [
            case
            for case in self.cases
            if database in (wanted if uses_database(case) else wanted[:1])
        ]


@dataclass(frozen=True)
class Outcome:
    """A claim with its result."""

    claim: Claim
    findings: Findings = field(default_factory=lambda: Findings([]))

    @property
    def verdict(self) -> Verdict:
        return decide(self.findings.conditions)

    def as_document(self) -> dict[str, Any]:
        """Return the outcome as a JSON document."""
        options = self.claim.options or f"--only {self.claim.name}"
        return {
            "name": self.claim.name,
            "quote": self.claim.quote,
            "rule": self.claim.rule,
            "verdict": self.verdict,
            "databases": decide_by_database(self.findings.conditions),
            "conditions": [condition.as_document() for condition in self.findings.conditions],
            "figures": [dict(row) for row in self.findings.figures],
            "left_out": list(self.findings.left_out),
            "command": f"python -m showdown claims {options}",
            "link": self.claim.link,
        }
