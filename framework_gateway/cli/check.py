"""``gateway check`` and ``gateway schema``: what is wrong with a file, and what it may contain."""

import sys

import click


@click.command()
@click.option("--config", metavar="FILE", help="File to check.  [default: gateway.toml]")
def check(config: str | None) -> None:
    """Check the file that describes a gateway.

    This prints all errors and warnings with their lines. It also imports the applications that the
    file names, but starts none. The exit status is 0 if there is no error, and 1 if there is one.
    """
    from pathlib import Path

    from framework_gateway.cli.checking import check_file
    from framework_gateway.cli.file.reading import NAME

    name = config or NAME
    findings = check_file(Path(name))
    for finding in findings:
        click.echo(finding)
    errors = sum(finding.severity == "error" for finding in findings)
    warnings = len(findings) - errors
    click.echo(f"{name}: {count(errors, 'error')}, {count(warnings, 'warning')}")
    sys.exit(int(errors > 0))


def count(number: int, noun: str) -> str:
    """Return a number and its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@click.command()
def schema() -> None:
    """Print the JSON Schema of gateway.toml, for editors."""
    from framework_gateway.cli.file.schema import as_json

    click.echo(as_json(), nl=False)
