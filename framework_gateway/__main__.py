"""``python -m framework_gateway`` is ``gateway``."""

from framework_gateway.cli.main import main

main(prog_name="gateway")
