"""The `python -m showdown claims` command."""

from pathlib import Path
from typing import Any

import click

from showdown.bench.signals import terminable

SIGNS = {"holds": "green", "does not hold": "red", "depends": "yellow", "not measured": "dim"}


@click.command()
@click.option("--only", multiple=True, metavar="NAME", help="Test only this claim; repeatable.")
@click.option(
    "--quick", is_flag=True, help="Run one round: a check that it works, without verdicts."
)
@click.option("--list", "list_them", is_flag=True, help="List the claims and their rules.")
@click.option(
    "--json",
    "json_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the verdicts to FILE; a full run is also saved to var/claims.json.",
)
@terminable()
def claims(only: tuple[str, ...], quick: bool, list_them: bool, json_file: Path | None) -> None:
    """Test each claim of the article; takes up to 15 minutes."""
    from rich.console import Console

    from showdown.bench.load import require_wrk
    from showdown.bench.report import print_manifest
    from showdown.bench.results import save
    from showdown.claims.catalogue import CLAIMS
    from showdown.claims.results import LAST
    from showdown.claims.run import run_claims

    if list_them:
        for claim in CLAIMS.values():
            click.echo(f"{claim.name}: {claim.quote}\n    {claim.rule}")
        return
    if unknown := set(only) - set(CLAIMS):
        raise click.UsageError(f"Unknown claim: {', '.join(sorted(unknown))}; see --list")
    require_wrk()
    chosen = [claim for name, claim in CLAIMS.items() if not only or name in only]
    document = run_claims(chosen, quick=quick)
    console = Console()
    print_verdicts(document, console)
    print_manifest(document["manifest"], console)
    if json_file:
        save(document, json_file)
    if not quick and not only:
        save(document, LAST)


def print_verdicts(document: dict[str, Any], console: Any) -> None:
    """Print each claim with its verdict and its conditions."""
    for claim in document["claims"]:
        colour = SIGNS[claim["verdict"]]
        console.print(f"\n[bold {colour}]{claim['verdict'].upper()}[/]  [bold]{claim['name']}[/]")
        for line in (f"“{claim['quote']}”", claim["rule"], *claim["left_out"]):
            console.print(f"  {line}", highlight=False, markup=False)
        for condition in claim["conditions"]:
            console.print(f"  {describe(condition)}", highlight=False, markup=False)
        last = f"See {claim['link']}" if claim["link"] else f"Repeat: {claim['command']}"
        console.print(f"  {last}", highlight=False, markup=False)


def describe(condition: dict[str, Any]) -> str:
    """Format one condition with its interval and its threshold."""
    from showdown.bench.svg import short

    values = condition["kept"]
    low, high = short(min(values)), short(max(values))
    interval = low if low == high else f"{low}-{high}"
    return (
        f"- {condition['state']:<9} {condition['name']}: {interval} {condition['unit']}"
        f" (threshold {condition['at_least']:g})"
    )
