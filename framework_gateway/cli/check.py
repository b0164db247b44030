"""``gateway check`` and ``gateway schema``: what is wrong with a file, and what it may contain."""

import sys

import click

from framework_gateway.cli.commands import Command

CHECKS = """
gateway check
gateway check --config deploy/gateway.toml
gateway check --json
"""
SCHEMAS = """
gateway schema > gateway.schema.json
"""


@click.command(cls=Command, examples=CHECKS)
@click.option("--config", metavar="FILE", help="File to check.  [default: gateway.toml]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(config: str | None, as_json: bool) -> None:
    """Check the file that describes a gateway.

    This prints all errors and warnings with their lines. It also imports the applications that the
    file names, but starts none. The exit status is 0 if there is no error, and 1 if there is one.
    """
    import json
    from dataclasses import asdict
    from pathlib import Path

    from framework_gateway.cli.checking import check_file
    from framework_gateway.cli.file.reading import NAME

    name = config or NAME
    findings = check_file(Path(name))
    errors = sum(finding.severity == "error" for finding in findings)
    warnings = len(findings) - errors
    if as_json:
        click.echo(json.dumps({"findings": [*map(asdict, findings)]}, ensure_ascii=False, indent=2))
    else:
        for finding in findings:
            click.echo(finding)
        click.echo(f"{name}: {count(errors, 'error')}, {count(warnings, 'warning')}")
    sys.exit(int(errors > 0))


def count(number: int, noun: str) -> str:
    """Return a number and its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@click.command(cls=Command, examples=SCHEMAS)
def schema() -> None:
    """Print the JSON Schema of gateway.toml, for editors."""
    from framework_gateway.cli.file.schema import as_json

    click.echo(as_json(), nl=False)
