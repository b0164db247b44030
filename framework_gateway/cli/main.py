"""The ``gateway`` command.

This package imports only Click, so that ``gateway --help`` is fast. Each command imports what it
needs when it runs.
"""

import click
from click_default_group import DefaultGroup

from framework_gateway.cli.check import check, schema
from framework_gateway.cli.compare import compare
from framework_gateway.cli.move import move
from framework_gateway.cli.serve import serve

CONTEXT = {"help_option_names": ["-h", "--help"]}


@click.group(cls=DefaultGroup, default="serve", default_if_no_args=True, context_settings=CONTEXT)
@click.version_option(package_name="framework-gateway")
def main() -> None:
    """Mount WSGI and ASGI applications side by side, and compare them."""


main.add_command(serve)
main.add_command(compare)
main.add_command(move)
main.add_command(check)
main.add_command(schema)
