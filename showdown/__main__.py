"""``python -m showdown``: run the benchmarks, or test the article's claims."""

import click

from framework_gateway.cli.commands import HELP_OPTIONS, Commands
from showdown.bench.command import bench
from showdown.claims.command import claims

EXAMPLES = """
python -m showdown bench --quick
python -m showdown bench --target flask-gunicorn --workload hello --rounds 1
python -m showdown claims --list
"""


@click.group(cls=Commands, examples=EXAMPLES, context_settings=HELP_OPTIONS)
def main() -> None:
    """Measure Flask, FastAPI and Django side by side."""


main.add_command(bench)
main.add_command(claims)

if __name__ == "__main__":
    main(prog_name="python -m showdown")
