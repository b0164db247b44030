"""The ``gateway`` command.

This package imports only Click, so that ``gateway --help`` is fast. Each command imports what it
needs when it runs.
"""

import click

from framework_gateway.cli.check import check, schema
from framework_gateway.cli.commands import HELP_OPTIONS, DefaultCommands
from framework_gateway.cli.compare import compare
from framework_gateway.cli.move import move
from framework_gateway.cli.serve import serve

EXAMPLES = """
gateway serve --only-mounts --mount /shop=shop.wsgi:application
gateway compare GET /api/orders --target old=legacy.wsgi:application --target new=shop.main:app
gateway check
"""


@click.group(
    cls=DefaultCommands,
    default="serve",
    default_if_no_args=True,
    examples=EXAMPLES,
    context_settings=HELP_OPTIONS,
)
@click.version_option(package_name="framework-gateway")
def main() -> None:
    """Mount WSGI and ASGI applications side by side, and compare them.

    Without a command, this runs "gateway serve". "gateway COMMAND --help" shows the options and
    examples of a command.
    """


main.add_command(serve)
main.add_command(compare)
main.add_command(move)
main.add_command(check)
main.add_command(schema)
