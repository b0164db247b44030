"""What ``gateway compare`` prints, while it compares."""

import json
from dataclasses import asdict
from typing import Protocol

import click

from framework_gateway.compare.findings import Comparison, Verdict
from framework_gateway.compare.replay import RouteSummary, route_of
from framework_gateway.compare.report import print_comparison, print_summary


class Output(Protocol):
    """Prints comparisons; it keeps only what the end of the report needs."""

    @property
    def is_quiet(self) -> bool:
        """Whether nothing else, such as a progress bar, is shown."""

    def add(self, comparison: Comparison) -> None:
        """Take one comparison."""

    def finish(self) -> None:
        """Print what comes last."""


class Single:
    """The answers to one request, side by side."""

    is_quiet = False

    def add(self, comparison: Comparison) -> None:
        print_comparison(comparison)

    def finish(self) -> None:
        pass


class Summary:
    """A line for each route, then all differences."""

    is_quiet = False

    def __init__(self) -> None:
        self.routes: dict[str, RouteSummary] = {}
        self.kept: list[Comparison] = []

    def add(self, comparison: Comparison) -> None:
        route = route_of(comparison.request)
        self.routes.setdefault(route, RouteSummary(route)).count(comparison)
        if not comparison.identical:
            self.kept.append(comparison)

    def finish(self) -> None:
        print_summary([*self.routes.values()], self.kept)


class JSONDocument:
    """One comparison as one JSON document."""

    is_quiet = True

    def add(self, comparison: Comparison) -> None:
        click.echo(to_json(comparison.as_dict()))

    def finish(self) -> None:
        pass


class JSONLines:
    """Many comparisons as one JSON document, written while it grows."""

    is_quiet = True

    def __init__(self) -> None:
        self.routes: dict[str, RouteSummary] = {}
        self.verdicts: set[Verdict] = set()

    def add(self, comparison: Comparison) -> None:
        click.echo(",\n" if self.routes else '{"comparisons": [\n', nl=False)
        click.echo(to_json(comparison.as_dict()), nl=False)
        route = route_of(comparison.request)
        self.routes.setdefault(route, RouteSummary(route)).count(comparison)
        self.verdicts.add(comparison.verdict)

    def finish(self) -> None:
        routes = [asdict(route) for route in self.routes.values()]
        identical = self.verdicts <= {Verdict.EQUAL}
        end = to_json({"identical": identical, "routes": routes})
        click.echo("\n],\n" + end.removeprefix("{\n"))


def to_json(document: object) -> str:
    """Return valid JSON in UTF-8: half a surrogate pair stays an escape."""
    text = json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False)
    return text.encode(errors="backslashreplace").decode()
