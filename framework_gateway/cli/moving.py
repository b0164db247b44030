"""What ``gateway move`` does."""

import getpass
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NoReturn

import click
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from framework_gateway.cli.file.reading import FileError, find_file
from framework_gateway.cli.imports import SourceError
from framework_gateway.cli.sources import Source
from framework_gateway.config import Config, reason_of
from framework_gateway.migrate import reports
from framework_gateway.migrate.move import Move
from framework_gateway.migrate.options import Rule
from framework_gateway.migrate.sharing import Change, SharedEvidence, SharedState
from framework_gateway.migrate.status import status
from framework_gateway.migrate.stores import Store, StoreError, open_store
from framework_gateway.migrate.testers import sign

WIDTH = 150
HINT = "describe the gateway in gateway.toml, or name it with --app MODULE:APP"


@dataclass(frozen=True)
class Moved:
    """A move, and the store of its state.

    Attributes:
        move: its options; its applications are not loaded.
        config: the settings of its gateway.
    """

    move: Move
    config: Config

    @cached_property
    def store(self) -> Store:
        return open_store(self.config.moves_store)

    @property
    def status(self) -> dict[str, Any]:
        """The state and the evidence as JSON data."""
        state = SharedState(self.store, self.move.path).read()
        evidence = self.evidence.read()
        return status(self.move.path, state, evidence, self.move.options.ready)

    @property
    def evidence(self) -> SharedEvidence:
        return SharedEvidence(self.store, self.move.path, self.move.options.evidence)

    def change(self, change: Change) -> bool:
        """Change the state; return whether it is another one now."""
        _, has_changed = SharedState(self.store, self.move.path).change(change)
        return has_changed


def find_move(config: str | None, app: str | None, prefix: str | None) -> Moved:
    """Return the move at a prefix; without a prefix, the only one."""
    try:
        gateway = Source(name=app, file=find_file(config), hint=HINT).load()
    except FileError as error:
        click.echo(error, err=True)
        sys.exit(2)
    except SourceError as error:
        raise click.UsageError(str(error)) from error
    moves = gateway.moves
    if prefix is None:
        found = next(iter(moves.values())) if len(moves) == 1 else None
    else:
        found = moves.get(prefix.rstrip("/"))
    if found is None:
        known = ", ".join(one or "/" for one in moves) or "none; add [[moves]] to gateway.toml"
        raise click.UsageError(f"Which move? There is {known}.")
    return Moved(found, gateway.config)


def attempt(work: Callable[[], Any]) -> Any:
    """Do something with the store; end with one line if it is away."""
    try:
        return work()
    except StoreError as error:
        fail(f"The state of the move cannot be used: {error}")


def fail(text: str) -> NoReturn:
    """End with one line on stderr."""
    raise click.ClickException(text)


def who() -> str:
    """Return who uses the command, for the history."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user without a name
        user = f"uid {os.getuid()}"
    return f"{user}@{socket.gethostname()}"


def print_status(moved: Moved, as_json: bool) -> None:
    """Print the stage and the evidence of every route."""
    document = attempt(lambda: moved.status)
    if as_json:
        return click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    routes = Table("route", "stage", "requests", "compared", "differing", "verdict", "why")
    for route, one in document["routes"].items():
        # Clients choose paths, and brackets would be markup.
        routes.add_row(*map(escape, row_of(route, one)))
    console.print(f"[bold]{document['move']}[/]")
    console.print(rules_of(document))
    console.print(routes if document["routes"] else "No request has been seen yet.")
    for entry in document["history"][-5:]:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry["when"]))
        console.print(f"{when} {entry['who']}: {entry['what']}", highlight=False, markup=False)


def rules_of(document: Mapping[str, Any]) -> Table:
    """Return the table of the rules."""
    table = Table("rule", "stage", "steps", "shadows", "held")
    for rule in document["rules"]:
        given = Rule(**rule)
        shadows = f"{given.share:g} %" + (", unsafe methods, too" if given.unsafe else "")
        steps = ", ".join(f"{step:g} %" for step in given.steps)
        table.add_row(
            escape(given.key),
            given.words,
            steps,
            shadows,
            "held" if given.key in document["held"] else "",
        )
    return table


def row_of(route: str, one: Mapping[str, Any]) -> list[str]:
    """Return the cells of a route."""
    counts = one["counts"]
    stage = reports.stage_words(one)
    numbers = [f"{counts.get(name, 0):,}" for name in ("requests", "compared")]
    why = one["back"] or "; ".join(one["reasons"])
    return [route, stage, *numbers, f"{one['differing']:,}", one["readiness"], why]


def change_rule(moved: Moved, route: str, methods: str, changes: dict[str, Any]) -> None:
    """Set members of a rule; the others stay."""
    if "steps" in changes:
        changes["steps"] = [step for step in changes["steps"].split(",") if step.strip()]
    rule = {"route": route, "methods": methods, **changes}
    try:
        has_changed = attempt(lambda: moved.change(lambda state: state.with_changes(rule, who())))
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        option = str(problem["loc"][0]) if problem["loc"] else "rule"
        raise click.UsageError(f"--{option}: {reason_of(problem)}") from error
    click.echo("Set." if has_changed else "Nothing to change.")


def remove_rule(moved: Moved, key: str) -> None:
    """Remove a rule."""
    change_known(moved, key, lambda state: state.without_rule(key, who()))


def hold_rule(moved: Moved, key: str) -> None:
    """Stop the steps of a rule."""
    change_known(moved, key, lambda state: state.with_hold(key, who()))


def change_known(moved: Moved, name: str, change: Change) -> None:
    """Change the state if a rule is there; say so if it is not."""
    keys = [Rule(**one).key for one in attempt(lambda: moved.status)["rules"]]
    if name not in keys:
        known = ", ".join(f'"{key}"' for key in keys) or "none"
        raise click.UsageError(f'There is no rule "{name}"; the rules are: {known}')
    click.echo("Done." if attempt(lambda: moved.change(change)) else "Nothing to change.")


def release_name(moved: Moved, name: str) -> None:
    """Release a route or a rule."""
    document = attempt(lambda: moved.status)
    names = [*document["trips"], *document["held"]]
    if name not in names:
        known = ", ".join(names) or "nothing is held"
        raise click.UsageError(f"{name} is not held; {known}")
    attempt(lambda: moved.change(lambda state: state.released(name, who())))
    click.echo("Released.")


def forget_route(moved: Moved, route: str) -> None:
    """Forget the evidence of a route."""
    evidence = moved.evidence
    if route not in (known := attempt(evidence.read)):
        raise click.UsageError(f"Nothing has been seen of {route}; of {', '.join(known) or 'none'}")
    attempt(lambda: evidence.reset(route))
    attempt(lambda: moved.change(lambda state: state.forgotten(route, who())))
    click.echo("Forgotten.")


def write_report(moved: Moved, outputs: Sequence[str], require_ready: bool) -> None:
    """Print the report, and also write it to files."""
    document = attempt(lambda: moved.status)
    click.echo(reports.as_markdown(document), nl=False)
    for name in outputs:
        try:
            Path(name).write_text(reports.render(name, document), encoding="utf-8")
        except OSError as error:
            fail(f"{name}: {error.strerror}")
        click.echo(f"wrote {name}", err=True)
    if require_ready and not reports.is_ready(document):
        sys.exit(1)


def print_mark(moved: Moved, side: str, hours: float) -> None:
    """Print the signed mark of a tester."""
    secret = moved.config.move_secret
    if secret is None:
        raise click.UsageError("Set GATEWAY_MOVE_SECRET, or move_secret in gateway.toml, first")
    expires = time.time() + hours * 3600
    chosen: Literal["old", "new"] = "old" if side == "old" else "new"
    click.echo(sign(secret.get_secret_value(), moved.move.path, chosen, expires))
