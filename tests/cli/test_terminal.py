"""Whatever a person types, an error is one line that says what to do."""

import socket
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from framework_gateway.cli.commands import one_line
from framework_gateway.cli.main import main
from framework_gateway.proxy.addresses import AddressError, parse_address
from tests.servers import run

SHOP = """
def application(environ, start_response):
    start_response("200 OK", [])
    return [b"shop"]
"""
SERVE = ("serve", "--only-mounts", "--mount", "/shop=shop:application", "--port", "0")
TARGETS = ("--target", "a=shop:application", "--target", "b=shop:application")
COMPARE = ("compare", "/x", *TARGETS)
FROM = ("compare", *TARGETS)  # and a source of requests

# What only a program, or a programmer, should read.
REPRS = ("Traceback", "[Errno", "<class", "Path(", "object at", "Error(", "codec", "Value error")

WRONG: list[tuple[Sequence[str], int, str]] = [
    (["--nope"], 2, "No such option '--nope'. Try 'gateway serve --help'."),
    (["nope"], 2, "there is no module 'nope'"),
    (["compar"], 2, "did you mean the command compare? Try"),
    (["schema", "x"], 2, "unexpected extra argument (x). Try 'gateway schema --help'."),
    (["check", "--conf"], 2, "--conf"),
    ([*SERVE, "--prot", "1"], 2, "'--port'?). Try 'gateway serve --help'."),
    *(
        ([*SERVE, "--port", port], 2, f"'{port}' is not a whole number from 0 to 65535")
        for port in ("99999", "abc", "-1", "", "1.5")
    ),
    ([*SERVE, "--workers", "0"], 2, "'0' is not a whole number from 1 to 1024"),
    ([*SERVE, "--host", ""], 1, "the address '' (it is empty); choose one of this machine"),
    ([*SERVE, "--host", "a b"], 1, "Cannot listen on the address 'a b' (Name or service"),
    ([*SERVE, "--host", "ä" * 70], 1, "a part of the name is empty or too long"),
    ([*SERVE, "--host", "192.0.2.1"], 1, "choose an address of this machine with --host"),
    ([*SERVE, "--mount", "shop=shop:app"], 2, "is not of the form /prefix="),
    ([*SERVE, "--mount", "/health=shop:application"], 2, "/health cannot be a prefix"),
    ([*SERVE, "--mount-option", "/shop:process=1"], 2, "it is a table; set one of its members"),
    ([*SERVE, "--mount-option", "/shop:threads=x"], 2, "should be a valid integer"),
    ([*SERVE, "--isolate", ""], 2, "'' is not a prefix such as /shop"),
    ([*SERVE, "--root-path", "x"], 2, "--root-path: must be a path such as /outer"),
    ([*SERVE, "--with", ""], 2, "--with: there is no command"),
    ([*SERVE, "--with", "it's"], 2, "--with: it's: No closing quotation"),
    ([*SERVE, "--app-dir", "shop.py"], 2, "--app-dir: there is no directory shop.py"),
    (["serve", "shop:application"], 2, "is not a framework_gateway.Gateway; mount an"),
    (["serve", "--config", "none.toml"], 2, "none.toml: error: cannot be read: No such file"),
    (["serve", "--config", "folder.json"], 2, "folder.json: error: cannot be read: Is a dir"),
    (["compare", "/x", "--target", "a=shop:application"], 2, "give at least two --target options"),
    (["compare", "GE T", *COMPARE[1:]], 2, "'GE T' is not a method such as GET"),
    (["compare", "/x\n", *TARGETS], 2, "the path has a space or a control character"),
    (["compare", "/x", "--target", "a=broken:x", *TARGETS[2:]], 3, "division by zero (/"),
    (["compare", "/x", "--target", "a=none:x", *TARGETS[2:]], 3, "there is no module 'none'"),
    ([*COMPARE, "-d", "@none"], 2, "none: No such file or directory"),
    ([*COMPARE, "-H", "a b: c"], 2, "'a b' is not the name of a header"),
    ([*COMPARE, "-H", "a: b\nc: d"], 2, "the value of a has a control character"),
    ([*COMPARE, "--headers", "a b"], 2, "'a b' is not the name of a header"),
    ([*COMPARE, "--ignore", "{"], 2, "'{' is not the name of a header"),
    ([*COMPARE, "--ignore", "{/(/}"], 2, "{/(/} is no regular expression"),
    ([*COMPARE, "--ignore", "/a~2"], 2, "'/a~2' has a ~ that is not ~0 or ~1"),
    ([*COMPARE, "--unordered", "a"], 2, "'a' does not begin with /"),
    ([*COMPARE, "--tolerance", "x"], 2, "the tolerance 'x' is not a number"),
    *(
        ([*COMPARE, option, text], 2, f"'{text}' is not a number of seconds above 0")
        for option in ("--timeout", "--time-limit")
        for text in ("0", "x", "nan", "inf")
    ),
    ([*COMPARE, "--noise", "-1"], 2, "'-1' is not a whole number from 0"),
    ([*COMPARE, "--seed", "x"], 2, "'x' is not a whole number"),
    ([*COMPARE, "--report", "folder.json"], 2, "folder.json is a directory; name a file"),
    ([*COMPARE, "--report", "none/x.json"], 2, "there is no directory none"),
    ([*COMPARE, "--origin", "http://x"], 2, "also give --har"),
    ([*COMPARE, "--app-dir", "none"], 2, "--app-dir: there is no directory none"),
    *(
        ([*FROM, option, "binary"], 2, "it is not in UTF-8; save it as UTF-8")
        for option in ("--file", "--har")
    ),
    *(
        ([*FROM, option, "folder.json"], 2, "Is a directory")
        for option in ("--file", "--har", "--access-log")
    ),
    ([*FROM, "--curl", "curl 'http://x"], 2, "the quotes of the curl command do not match"),
    (["compare", "/x"], 2, "There is no gateway.py here: give --target options, or name the file"),
    (["compare", "/x", "--config", "none.toml"], 2, "none.toml: error: cannot be read: No such"),
    ([*COMPARE, "--config", "x.toml"], 2, "give --target options or --config, not both"),
    (["compare", "/x", "--config", "one.toml"], 2, "the gateway has fewer than two mounts; give"),
    (["move", "status"], 2, "describe the gateway in gateway.toml, or name it with --app"),
    *(
        (["move", "set", option, text], 2, f"'{text}' is not a number from 0 to 100. Try")
        for option in ("--percent", "--share")
        for text in ("101", "-1", "x", "nan")
    ),
    (
        ["move", "hold", "reads /users"],
        2,
        "Missing argument 'RULE'. Try 'gateway move hold --help'",
    ),
    (["move", "set", "--stage", "x"], 2, "'x' is not one of 'off', 'shadow', 'live'"),
    *(
        (["move", "sign", "/api", "new", "--hours", text], 2, f"'{text}' is not a number of hours")
        for text in ("0", "inf", "1e9", "x")
    ),
]


@pytest.fixture
def here(project: Path) -> Path:
    """A directory with modules and files to name."""
    (project / "shop.py").write_text(SHOP)
    (project / "broken.py").write_text("1 / 0\n")
    (project / "one.toml").write_text('[[mounts]]\nprefix = "/a"\napplication = "shop:application"')
    (project / "binary").write_bytes(b"\xff\xfe\x80")
    (project / "folder.json").mkdir()
    return project


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(("arguments", "status", "reason"), WRONG)
def test_an_error_is_one_line(arguments: Sequence[str], status: int, reason: str) -> None:
    result = CliRunner().invoke(main, [*arguments], prog_name="gateway")
    assert reason in result.stderr
    assert result.exit_code == status
    assert len(result.stderr.splitlines()) == 1
    assert not [text for text in REPRS if text in result.output]


def test_the_mounts_of_a_named_file_are_compared(here: Path) -> None:
    mounts = "".join(
        f'[[mounts]]\nprefix = "/{name}"\napplication = "shop:application"\n' for name in ("", "b")
    )
    (here / "other.toml").write_text(mounts)
    result = run("gateway", "compare", "/x", "--config", "other.toml", cwd=here)
    assert result.returncode == 0, result.stderr
    assert "GET /x: equal" in result.stdout
    assert "root" in result.stdout


@pytest.mark.usefixtures("here")
def test_a_port_in_use_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = CliRunner().invoke(main, [*SERVE[:-1], str(port)])
    assert result.stderr == (
        f"Error: Cannot listen on 127.0.0.1:{port} (Address already in use);"
        " choose another port with --port.\n"
    )


def test_an_unreachable_target_is_named_without_an_error_number(here: Path) -> None:
    assert (here / "shop.py").exists()
    command = ["compare", "/x", "--target", "a=http://nowhere.invalid", *TARGETS[2:]]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 3
    assert "a: ConnectError: " in result.stdout
    assert "Errno" not in result.output


@pytest.mark.parametrize("setting", ["PORT=abc", "WORKERS=0", "ROOT_PATH=x", "HEAD_TIMEOUT=nan"])
def test_a_wrong_variable_is_one_line(here: Path, setting: str) -> None:
    name, _, value = f"GATEWAY_{setting}".partition("=")
    result = run("gateway", *SERVE, cwd=here, env={name: value})
    assert result.returncode == 1
    assert result.stderr.startswith(f"{name}: ")
    assert len(result.stderr.splitlines()) == 1
    assert "Value error" not in result.stderr


def test_fail_fast_logs_the_reason_in_lines_of_their_own(here: Path) -> None:
    command = ("serve", "--only-mounts", "--mount", "/shop=none:app", "--port", "0")
    result = run("gateway", *command, "--fail-fast", cwd=here)
    assert result.returncode == 3
    assert "/shop could not be loaded: there is no module 'none'" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        (f"unix:/{'x' * 107}", "is too long: use at most 107 bytes"),
        ("http://a b", "is not an address: it has a space"),
    ],
)
def test_an_address_that_cannot_work_is_refused(address: str, reason: str) -> None:
    with pytest.raises(AddressError, match=reason):
        parse_address(address)


def test_a_fault_in_several_lines_becomes_one() -> None:
    assert one_line("first\n  second") == "first second"
