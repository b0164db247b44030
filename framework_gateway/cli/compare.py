"""``gateway compare``: compare targets from the command line."""

import sys
from collections.abc import Sequence
from typing import Any

import click

from framework_gateway.cli.commands import Command
from framework_gateway.cli.inputs import SOURCES, Chosen, input_options
from framework_gateway.cli.reports import report_options, write_reports
from framework_gateway.cli.types import SECONDS, HeaderType, Number, Pair
from framework_gateway.compare import MAX_SIZE, TIMEOUT

TARGET = Pair("target", "=", "NAME=package.module:application or NAME=http://127.0.0.1:8001")
NEUTRAL = Pair("neutral", "=", "NAME=TEXT")
EXAMPLES = r"""
gateway compare GET /api/users
gateway compare /api/users/1 --json
gateway compare POST /api/users -d '{"name": "Eve", "email": "eve@{framework}.example"}' \
  --ignore /id --ignore location
gateway compare --file requests.jsonl --target old=legacy.wsgi:application \
  --target new=http://127.0.0.1:8001
gateway compare --openapi new --target old=legacy.wsgi:application \
  --target new=shop.main:app --report differences.html
"""
SECTIONS = {
    "Targets": ("targets", "config", "app_dir"),
    "One request": ("data", "headers"),
    "Many requests": (*SOURCES, "origin", "secrets", "unsafe", "max_examples"),
    "Differences": (
        *("compared", "ignore", "unordered", "tolerance", "exact", "neutral", "noise"),
    ),
    "Sending": ("session", "seed", "in_turn", "timeout", "max_size", "time_limit"),
    "Output": ("as_json", "reports", "shrink"),
}


@click.command(cls=Command, examples=EXAMPLES, sections=SECTIONS)
@click.argument("method", default="GET")
@click.argument("path", required=False)
@click.option(
    "-d",
    "--data",
    metavar="TEXT|@FILE",
    help="Request body; @FILE reads a file, @- reads standard input.",
)
@click.option(
    "-H",
    "--header",
    "headers",
    multiple=True,
    type=HeaderType(),
    metavar="'NAME: VALUE'",
    help="Header of every request.",
)
@click.option(
    "--target",
    "targets",
    multiple=True,
    type=TARGET,
    metavar="NAME=APP|URL",
    help="Compare this WSGI or ASGI application, or this running server; give two or more.",
)
@click.option(
    "--config",
    metavar="FILE",
    help="Compare the mounts of the gateway that this file describes.  [default: gateway.toml, if"
    " there is one]",
)
@input_options
@click.option(
    "--headers",
    "compared",
    multiple=True,
    metavar="WHICH",
    help="Headers that count: all, contract, names, or -NAME; also with commas.",
)
@click.option(
    "--ignore",
    multiple=True,
    metavar="RULE",
    help="Ignore this: status, spelling, body, a header, a JSON Pointer such as /items/*/id or"
    " /**/id, or values that match {time}, {uuid}, {token} or {/REGEX/}; see the documentation.",
)
@click.option(
    "--unordered",
    multiple=True,
    metavar="POINTER",
    help="The order of this array does not matter.",
)
@click.option("--tolerance", metavar="NUMBER", help="Ignore smaller differences of numbers.")
@click.option("--exact", is_flag=True, help="The same JSON in other bytes is a difference.")
@click.option(
    "--neutral",
    multiple=True,
    type=NEUTRAL,
    metavar="NAME=TEXT",
    help="This target names itself so: an origin, a host, a prefix or a word.",
)
@click.option("--session", is_flag=True, help="Keep cookies, for each target its own.")
@click.option(
    "--noise",
    default=0,
    type=Number(0),
    metavar="N",
    help="Ask each target N times more, and count only what differs more often than by itself.",
)
@click.option(
    "--seed",
    type=Number(),
    metavar="N",
    help="Seed of the order in which targets are asked, and of --openapi.",
)
@click.option("--in-turn", is_flag=True, help="Send to one target after the other.")
@click.option(
    "--timeout",
    default=TIMEOUT,
    show_default=True,
    type=SECONDS,
    metavar="SECONDS",
    help="Seconds to wait for an answer.",
)
@click.option(
    "--max-size",
    default=MAX_SIZE,
    show_default=True,
    type=Number(1),
    metavar="BYTES",
    help="Largest body of an answer, in bytes.",
)
@report_options
@click.option(
    "--app-dir",
    default="",
    metavar="DIR",
    help="Import modules from this directory.  [default: the current directory]",
)
def compare(
    *,
    method: str,
    path: str | None,
    data: str | None,
    headers: Sequence[tuple[str, str]],
    targets: Sequence[tuple[str, str]],
    config: str | None,
    compared: Sequence[str],
    ignore: Sequence[str],
    unordered: Sequence[str],
    tolerance: str | None,
    exact: bool,
    neutral: Sequence[tuple[str, str]],
    session: bool,
    noise: int,
    seed: int | None,
    in_turn: bool,
    timeout: float,
    max_size: int,
    as_json: bool,
    reports: Sequence[str],
    shrink: bool | None,
    time_limit: float | None,
    app_dir: str,
    **sources: Any,
) -> None:
    """Send METHOD PATH to several targets, and show where their answers differ.

    Without --target, the targets are the mounts of the gateway that gateway.toml describes, or else
    of gateway:app, if there is a gateway.py.

    {framework} in the path and the body becomes each target's name. The exit status is 0 if all
    answers are equal, 1 if not, 2 if the command line is wrong, 3 if a target cannot be loaded or
    does not answer, and 130 after Ctrl-C.
    """
    from framework_gateway.cli import comparing
    from framework_gateway.observability import logs

    logs.configure("development")  # for a reader; and a target's logging may not silence it
    if path is None and method.startswith("/"):
        method, path = "GET", method
    request = comparing.one_request(method, path, data, headers)
    chosen = Chosen(request, headers, **sources)
    if targets and config is not None:
        raise click.UsageError("give --target options or --config, not both")
    if targets:
        opened = comparing.open_named(targets, app_dir)
    else:
        opened = comparing.open_mounts(app_dir, config)
    given = {
        "headers": compared,
        "ignore": ignore,
        "unordered": unordered,
        "tolerance": tolerance,
        "exact": exact,
        "neutral": comparing.grouped(neutral),
    }
    options = comparing.Options(
        rules={name: value for name, value in given.items() if value},
        asking={
            "timeout": timeout,
            "max_size": max_size,
            "session": session,
            "noise": noise,
            "seed": seed,
        },
        in_turn=in_turn,
    )
    if chosen.unsafe:
        comparing.warn_of_writes(targets)
    work = comparing.Work(
        chosen,
        comparing.output_for(chosen.is_many, as_json),
        shrink=chosen.openapi is not None if shrink is None else shrink,
        time_limit=time_limit,
    )
    summary = comparing.compare_all(opened, work, options)
    kept = {"session": session, "noise": noise, **options.rules}
    write_reports(reports, summary, targets, kept, secrets=chosen.secrets)
    sys.exit(summary.exit_status)
