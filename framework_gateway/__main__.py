"""``python -m framework_gateway`` runs the ``gateway`` command."""

from framework_gateway.cli.main import main

main(prog_name="gateway")
