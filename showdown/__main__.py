"""``python -m showdown``: run the benchmarks, or test the article's claims."""

import click

from showdown.bench.command import bench
from showdown.claims.command import claims


@click.group()
def main() -> None:
    """Measure Flask, FastAPI and Django side by side."""


main.add_command(bench)
main.add_command(claims)

if __name__ == "__main__":
    main(prog_name="python -m showdown")
