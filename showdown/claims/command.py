"""The `python -m showdown claims` command."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from framework_gateway.cli.commands import Command
from showdown.bench.files import new_file
from showdown.bench.signals import terminable

if TYPE_CHECKING:
    from showdown.claims.model import Claim

NAMES = ("sqlite", "postgresql")
EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)
INTERRUPTED = """
Interrupted: nothing was written. A run cannot be continued; --only NAME and --database NAME test a
part of the article's claims.\
"""


EXAMPLES = """
python -m showdown claims --list
python -m showdown claims --only faster --database sqlite
python -m showdown claims --own parsers.toml --report parsers.json
"""


@click.command(cls=Command, examples=EXAMPLES)
@click.option("--only", multiple=True, metavar="NAME", help="Test only this claim; repeatable.")
@click.option(
    "--database",
    "databases",
    multiple=True,
    type=click.Choice(NAMES),
    help="Measure only on this database; repeatable.  [both]",
)
@click.option(
    "--quick", is_flag=True, help="Run one round: a check that it works, without verdicts."
)
@click.option("--list", "list_them", is_flag=True, help="List the claims and their rules.")
@click.option("--own", type=EXISTING, metavar="FILE", help="Test a claim of your own instead.")
@new_file(
    "--report",
    "json_file",
    ending=".json",
    help="Also write the verdicts; a full run is saved to var/claims.json in any case.",
)
@click.option(
    "--publish",
    is_flag=True,
    help="Also write a full run to showdown/results/claims.json, which README and docs quote.",
)
@terminable()
def claims(
    only: tuple[str, ...],
    databases: tuple[str, ...],
    quick: bool,
    list_them: bool,
    own: Path | None,
    json_file: Path | None,
    publish: bool,
) -> None:
    """Test each claim of the article on SQLite and PostgreSQL; takes up to 35 minutes."""
    from showdown.bench.load import require_wrk
    from showdown.bench.results import require_writable
    from showdown.claims import results

    if list_them:
        return list_claims()
    full = not (only or databases or quick or own)
    if publish and not full:
        raise click.UsageError("--publish needs a full run, without options that leave out a part")
    if own and (only or databases):
        raise click.UsageError("--own FILE goes with --quick and --report only")
    require_wrk()
    files = [results.LAST] * full + [results.PUBLISHED] * publish
    files += [json_file] if json_file else []
    require_writable(files)
    with explained():
        document = measure_own(own, quick) if own else measure(only, databases, quick, publish)
    show(document)
    write(document, files)


@contextmanager
def explained() -> Iterator[None]:
    """Say what an interrupted run leaves behind."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo(INTERRUPTED, err=True)
        raise


def list_claims() -> None:
    """Print the claims and their rules."""
    from showdown.claims.catalogue import CLAIMS

    for claim in CLAIMS.values():
        click.echo(f"{claim.name}: {claim.quote}\n    {claim.rule}")


def measure(
    only: Sequence[str], databases: Sequence[str], quick: bool, complete: bool
) -> dict[str, Any]:
    """Test claims of the article.

    Args:
        complete: refuse to leave anything out.
    """
    from showdown.claims import planning
    from showdown.claims.run import run_claims

    chosen = choose(only)
    names = [name for name in NAMES if not databases or name in databases]
    missing = planning.missing_databases(names)
    left_out = missing | planning.missing_servers(chosen)
    if complete and left_out:
        raise click.ClickException("A published run is complete. " + "; ".join(left_out.values()))
    names = [name for name in names if name not in missing]
    if not names:
        raise click.ClickException("; ".join(missing.values()))
    rounds = planning.QUICK_ROUNDS if quick else planning.ROUNDS
    plans = planning.make_plans(chosen, names, left_out, rounds)
    click.echo(planning.describe_work(chosen, plans), err=True)
    return run_claims(chosen, plans, left_out, quick=quick)


def choose(only: Sequence[str]) -> "list[Claim]":
    """Return the claims with these names; without names, all."""
    from showdown.claims.catalogue import CLAIMS

    if unknown := set(only) - set(CLAIMS):
        raise click.UsageError(f"Unknown claim: {', '.join(sorted(unknown))}; see --list")
    return [claim for name, claim in CLAIMS.items() if not only or name in only]


def measure_own(file: Path, quick: bool) -> dict[str, Any]:
    """Test the claim in a file."""
    from showdown.claims.own_run import run_own

    return run_own(file, quick=quick)


def show(document: dict[str, Any]) -> None:
    """Print the verdicts, and what they depend on."""
    from rich.console import Console

    from showdown.bench.report import print_manifest
    from showdown.claims.report import print_verdicts

    console = Console()
    print_verdicts(document, console)
    print_manifest(document["manifest"], console)


def write(document: dict[str, Any], files: Sequence[Path]) -> None:
    """Write the document to each of the files."""
    from showdown.bench.results import save

    for file in files:
        save(document, file)
        click.echo(f"Written: {file}", err=True)
