"""``gateway move``: see how far the routes of a move are, and decide how they go on."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from framework_gateway.cli.commands import Commands
from framework_gateway.cli.reports import ReportFile
from framework_gateway.cli.types import PERCENT, Amount

if TYPE_CHECKING:
    from framework_gateway.cli.moving import Moved

COMMON = (
    click.option(
        "--config",
        metavar="FILE",
        help="File that describes the gateway.  [default: gateway.toml, if there is one]",
    ),
    click.option(
        "--app",
        metavar="MODULE:APP",
        help="The Gateway, if no file describes it.  [default: gateway:app]",
    ),
)
PREFIX = click.argument("prefix", required=False)
NAMED = click.argument("prefix")  # before another argument, which would be taken for it
ENDINGS = (".md", ".xml", ".json", ".jsonl", ".py")
HOURS = Amount("a number of hours above 0 and up to 8760", lambda number: 0 < number <= 8760)


def common(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which gateway is meant."""
    for option in reversed(COMMON):
        command = option(command)
    return command


def find(config: str | None, app: str | None, prefix: str | None) -> "Moved":
    """Return the move at a prefix; the only one if none is given."""
    from framework_gateway.cli.moving import find_move

    return find_move(config, app, prefix)


EXAMPLES = """
gateway move status
gateway move set /api --route "/users/{id}" --methods reads --stage shadow
gateway move set /api --route "/users/{id}" --methods reads --stage live --percent 10
gateway move release /api "GET /users/{id}"
gateway move report /api --report report.md
"""
SETTING = """
gateway move set /api --route "/users/{id}" --methods reads --stage shadow --share 20
gateway move set /api --route "/users/{id}" --stage live --percent 10 --steps 25,50,100
gateway move set /api --route "/users/{id}" --remove
"""
REPORTING = """
gateway move report
gateway move report /api --report report.md --report report.xml
gateway move report /api --require-ready
"""


@click.group(cls=Commands, examples=EXAMPLES)
def move() -> None:
    """Move an API from one application to another, route by route.

    The commands read and change the state that all workers and gateways share, so they need the
    store of the setting moves_store, and no running gateway. If there is only one move, status, set
    and report need no PREFIX.
    """


@move.command(examples="gateway move status\ngateway move status /api --json")
@PREFIX
@common
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(prefix: str | None, config: str | None, app: str | None, as_json: bool) -> None:
    """Show the stage of every route, and what has been seen of it."""
    from framework_gateway.cli.moving import print_status

    print_status(find(config, app, prefix), as_json)


@move.command("set", examples=SETTING)
@PREFIX
@common
@click.option(
    "--route",
    default="*",
    show_default=True,
    metavar="ROUTE",
    help="A route such as /users/{id}, all below a path such as /users/*, or * for all.",
)
@click.option(
    "--methods",
    default="*",
    show_default=True,
    metavar="METHODS",
    help="A method, reads, writes, or * for all.",
)
@click.option(
    "--stage",
    type=click.Choice(["off", "shadow", "live", "rampdown", "complete"]),
    help="How far the route has moved.",
)
@click.option(
    "--percent", type=PERCENT, metavar="N", help="Clients that the new application answers."
)
@click.option(
    "--share", type=PERCENT, metavar="N", help="Percentage of requests that are compared."
)
@click.option("--unsafe/--no-unsafe", default=None, help="Also compare unsafe methods.")
@click.option(
    "--credentials",
    type=click.Choice(["skip", "remove", "forward"]),
    help="What happens to requests with cookies or credentials.",
)
@click.option(
    "--steps", metavar="PERCENT,...", help="Percentages that the roll out goes through by itself."
)
@click.option("--remove", is_flag=True, help="Remove the rule, so that a more general one holds.")
def set_rule(
    prefix: str | None,
    config: str | None,
    app: str | None,
    route: str,
    methods: str,
    remove: bool,
    **changes: Any,
) -> None:
    """Set the rule of a route.

    What is not given stays as it is. An edited gateway.toml replaces all rules.
    """
    from framework_gateway.cli.moving import change_rule, remove_rule

    moved = find(config, app, prefix)
    if remove:
        return remove_rule(moved, f"{methods} {route}")
    change_rule(moved, route, methods, {k: v for k, v in changes.items() if v is not None})


@move.command(examples='gateway move hold /api "reads /users/{id}"')
@NAMED
@click.argument("rule")
@common
def hold(prefix: str, rule: str, config: str | None, app: str | None) -> None:
    """Stop the steps of a rule, such as "reads /users/{id}"."""
    from framework_gateway.cli.moving import hold_rule

    hold_rule(find(config, app, prefix), rule)


@move.command(examples='gateway move release /api "GET /users/{id}"')
@NAMED
@click.argument("name")
@common
def release(prefix: str, name: str, config: str | None, app: str | None) -> None:
    """Release what is held.

    NAME is a route that the breaker has taken back, such as "GET /users/{id}", or a rule that a
    person has held, such as "reads /users/{id}".
    """
    from framework_gateway.cli.moving import release_name

    release_name(find(config, app, prefix), name)


@move.command(examples='gateway move forget /api "GET /users/{id}"')
@NAMED
@click.argument("route")
@common
def forget(prefix: str, route: str, config: str | None, app: str | None) -> None:
    """Forget what has been seen of a route, after a mistake was corrected."""
    from framework_gateway.cli.moving import forget_route

    forget_route(find(config, app, prefix), route)


@move.command(examples=REPORTING)
@PREFIX
@common
@click.option(
    "--report",
    "outputs",
    multiple=True,
    type=ReportFile(ENDINGS),
    metavar="FILE",
    help="Also write a report; the ending of FILE selects the format: .md, .xml (JUnit) or .json;"
    " for the kept examples .jsonl (for gateway compare --file) or .py (pytest). Repeatable.",
)
@click.option("--require-ready", is_flag=True, help="Exit with 1 unless every route is ready.")
def report(
    prefix: str | None,
    config: str | None,
    app: str | None,
    outputs: tuple[str, ...],
    require_ready: bool,
) -> None:
    """Report the evidence, as Markdown for a pull request by default."""
    from framework_gateway.cli.moving import write_report

    write_report(find(config, app, prefix), outputs, require_ready)


@move.command(examples="gateway move sign /api new --hours 2")
@NAMED
@click.argument("side", type=click.Choice(["old", "new"]))
@common
@click.option(
    "--hours",
    type=HOURS,
    default=8,
    show_default=True,
    metavar="N",
    help="How long the mark is valid.",
)
def sign(prefix: str, side: str, config: str | None, app: str | None, hours: float) -> None:
    """Print a mark by which a tester chooses the side.

    The tester sends it in the header Gateway-Move, or in the cookie gateway-move.
    """
    from framework_gateway.cli.moving import print_mark

    print_mark(find(config, app, prefix), side, hours)
