"""The help of each command: sections, examples, completion, and nothing heavy to import."""

import json
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from framework_gateway.cli.main import main as gateway
from framework_gateway.cli.move import move
from showdown.__main__ import main as showdown
from tests.servers import run

NAMES = list(gateway.commands)
MOVES = [("move", name) for name in move.commands]
HEAVY = ("anyio", "asyncio", "httpx2", "pydantic", "rich", "starlette", "tomllib", "uvicorn")


def help_of(*arguments: str) -> str:
    """Return what ``gateway ARGUMENTS`` prints."""
    result = CliRunner().invoke(gateway, [*arguments], prog_name="gateway")
    assert result.exit_code == 0
    return result.output


@pytest.mark.parametrize("flag", ["-h", "--help"])
@pytest.mark.parametrize("command", [(), *((name,) for name in NAMES), *MOVES])
def test_each_command_has_help_with_examples(command: tuple[str, ...], flag: str) -> None:
    shown = help_of(*command, flag)
    assert shown.startswith(f"Usage: {' '.join(('gateway', *command))} ")
    assert "\nExamples:\n  gateway " in shown
    # Click's own words for types, which say less than a name.
    assert not [word for word in ("INTEGER", "FLOAT", "RANGE", "FILENAME") if word in shown]


@pytest.mark.parametrize("name", NAMES)
def test_each_option_is_in_one_section(name: str) -> None:
    command = gateway.commands[name]
    shown = help_of(name, "--help").partition("Examples:")[2]
    # After the examples; an option is at the beginning of its line.
    lines = shown[shown.index("\n\n") :].splitlines()
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            start = f"  {', '.join(parameter.opts)} "
            assert sum(f"{line} ".startswith(start) for line in lines) == 1, start
    known = {parameter.name for parameter in command.params}
    sections = getattr(command, "sections", {})
    assert {one for names in sections.values() for one in names} <= known


def test_the_version_is_shown() -> None:
    assert help_of("--version").startswith("gateway, version ")


def test_the_help_imports_only_click() -> None:
    code = "import sys, framework_gateway.cli.main; print(*sys.modules)"
    loaded = run(Path(sys.executable).name, "-c", code).stdout.split()
    assert "click" in loaded
    assert not [name for name in HEAVY if name in loaded]


def test_json_is_a_flag_that_prints() -> None:
    for command in gateway.commands.values():
        for parameter in command.params:
            if "--json" in parameter.opts:
                assert isinstance(parameter, click.Option)
                assert parameter.is_flag


def test_check_prints_its_findings_as_json(project: Path) -> None:
    (project / "gateway.toml").write_text("[server]\nprt = 1\n")
    result = CliRunner().invoke(gateway, ["check", "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout)["findings"][0] == {
        "file": "gateway.toml",
        "line": 2,
        "message": "server.prt: unknown; did you mean port?",
        "severity": "error",
    }


@pytest.mark.parametrize(("words", "found"), [("ser", "serve"), ("serve --por", "--port")])
def test_a_shell_completes_commands_and_options(words: str, found: str) -> None:
    *before, last = words.split()
    environment = {
        "_GATEWAY_COMPLETE": "bash_complete",
        "COMP_WORDS": f"gateway {words}",
        "COMP_CWORD": str(len(before) + 1),
    }
    assert last in found
    assert f"plain,{found}\n" in run("gateway", env=environment).stdout


def test_the_showdown_has_the_same_help_and_errors() -> None:
    shown = CliRunner().invoke(showdown, ["-h"]).output
    assert "\nExamples:\n  python -m showdown bench --quick\n" in shown
    for command in showdown.commands:
        shown = CliRunner().invoke(showdown, [command, "-h"]).output
        assert f"\nExamples:\n  python -m showdown {command} " in shown
        assert not [word for word in ("INTEGER", "RANGE", "FILENAME") if word in shown]
        # Not after a run of half an hour.
        wrong = CliRunner().invoke(showdown, [command, "--report", "nowhere/run.json"])
        assert wrong.exit_code == 2
        assert "there is no directory nowhere." in wrong.stderr
    wrong = CliRunner().invoke(showdown, ["bench", "--rounds", "0"], prog_name="showdown")
    assert wrong.stderr.startswith("Error: Invalid value for '--rounds': ")
    assert wrong.stderr.endswith(" Try 'showdown bench --help'.\n")
    assert len(wrong.stderr.splitlines()) == 1
