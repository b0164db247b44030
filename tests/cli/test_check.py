"""``gateway check``: all errors and warnings of a file and of what it imports, at once."""

import json
import sys
from pathlib import Path

import pytest

from tests.reference import SCHEMA
from tests.sampling import every
from tests.servers import run

APPLICATION = """
print("imported")

def application(environ, start_response):
    return []
"""
MODULES = {
    "shop.py": APPLICATION,
    "dies.py": "import os\nos._exit(7)",
    "exits.py": "import sys\n\nsys.exit('no')",
    "broken.py": "x = (",
    "needs.py": "\nimport not_installed",
    "number.py": "application = 1",
    # An import that does not return while the check waits for it.
    "waits.py": "import time\n\ntime.sleep(60)",
    "threads.py": "import threading, time\n"
    "threading.Thread(target=time.sleep, args=(60,)).start()\n" + APPLICATION,
    "base.py": """
import shop
from framework_gateway import Gateway

app = Gateway(
    {"/inner": "nowhere:app", "/shop": "also_nowhere"},
    find_workers_fault=lambda: "it needs a shared cache",
)
""",
}


@pytest.fixture
def check_project(tmp_path: Path) -> Path:
    """A directory with modules that can be imported, and others that cannot."""
    for name, content in MODULES.items():
        (tmp_path / name).write_text(content)
    return tmp_path


def check(directory: Path, text: str, *arguments: str, **env: str) -> tuple[int, list[str]]:
    """Run ``gateway check``; return its status and the lines of its output."""
    (directory / "gateway.toml").write_text(text)
    result = run("gateway", "check", *arguments, cwd=directory, env=env)
    assert "Traceback" not in result.stderr
    return result.returncode, result.stdout.splitlines()


def mount(prefix: str, application: str, *options: str) -> str:
    """Return the four lines of a mount, and its options."""
    lines = ["[[mounts]]", f"prefix = '{prefix}'", f"application = '{application}'", *options]
    return "\n".join([*lines, "", ""])


def test_a_file_without_problems(check_project: Path) -> None:
    text = mount("/shop", "shop:application") + mount("/more", "threads")
    status, lines = check(check_project, text)
    assert (status, lines) == (0, ["gateway.toml: 0 errors, 0 warnings"])


def test_all_that_is_wrong_is_shown_at_once(check_project: Path) -> None:
    names = ("shop:app", "dies", "exits", "broken", "needs", "number", "nowhere.app:app", "shop")
    mounts = "".join(mount(f"/{index}", name) for index, name in enumerate(names))
    text = f"{mounts}thread = 1\n[server]\nport = 'x'\n"
    status, lines = check(check_project, text)
    assert status == 1
    place = "The application at /{} could not be loaded: "
    expected = [
        (3, 0, place.format(0) + "there is no attribute 'app' in shop (in 'shop:app'); it has"),
        (7, 1, "the import has ended the process with status 7"),
        (11, 2, f"{place.format(2)}SystemExit: no ({check_project / 'exits.py'}:3)"),
        (
            15,
            3,
            f"{place.format(3)}SyntaxError: '(' was never closed ({check_project / 'broken.py'}:1",
        ),
        (19, 4, place.format(4) + "ModuleNotFoundError: No module named 'not_installed' ("),
        (23, 5, place.format(5) + "1 is neither a WSGI nor an ASGI application"),
        (27, 6, place.format(6) + "there is no module 'nowhere' (in 'nowhere.app:app')"),
    ]
    for line, (number, index, message) in zip(lines, expected, strict=False):
        assert line.startswith(
            f"gateway.toml:{number}: error: mounts[{index}].application: {message}"
        )
    assert lines[len(expected) :] == [
        "gateway.toml:33: error: mounts[7].thread: unknown; did you mean threads?",
        "gateway.toml:35: error: server.port: Input should be a valid integer, unable to parse"
        " string as an integer",
        "gateway.toml: 9 errors, 0 warnings",
    ]


def test_an_import_that_does_not_end_is_interrupted(check_project: Path) -> None:
    text = mount("/waits", "waits", "start_timeout = 0.2") + mount("/shop", "shop:missing")
    _, lines = check(check_project, text)
    assert "DeadlinePassed: it took longer than 0.2 s" in lines[0]
    assert "there is no attribute 'missing'" in lines[1]


def test_the_base_and_its_mounts_are_imported(check_project: Path) -> None:
    text = "base = 'base:app'\n[server]\nworkers = 2\n" + mount("/shop", "shop")
    status, lines = check(check_project, text)
    assert status == 1
    assert lines == [
        "gateway.toml:1: error: base: The application at /inner could not be loaded: there is no"
        " module 'nowhere' (in 'nowhere:app')",
        "gateway.toml:1: error: base: it needs a shared cache",
        "gateway.toml: 2 errors, 0 warnings",
    ]


@pytest.mark.parametrize(
    ("base", "message"),
    every(
        3,
        [
            ("nowhere:app", "there is no module 'nowhere' (in 'nowhere:app')"),
            ("shop:application", "shop:application is not a framework_gateway.Gateway"),
            ("shop", "shop is not a framework_gateway.Gateway"),
            ("number", "number is not a framework_gateway.Gateway"),
            ("exits:app", "SystemExit: no"),
            ("dies:app", "the import has ended the process with status 7"),
        ],
    ),
)
def test_a_base_that_cannot_be_imported_does_not_hide_the_mounts(
    check_project: Path, base: str, message: str
) -> None:
    text = f"base = '{base}'\nlogin = 'shop:application'\n{mount('/a', 'shop:missing')}"
    _, lines = check(check_project, text)
    assert lines[0].startswith(f"gateway.toml:1: error: base: {message}")
    assert lines[1:3] == [
        "gateway.toml:2: error: login: shop:application is not a framework_gateway.Admission",
        "gateway.toml:5: error: mounts[0].application: The application at /a could not be loaded:"
        " there is no attribute 'missing' in shop (in 'shop:missing'); it has 'application'",
    ]


def test_a_second_django_project_is_told_of_as_by_the_gateway(check_project: Path) -> None:
    for name in ("one", "two"):
        (check_project / f"{name}.py").write_text("SECRET_KEY = 'x'\n")
        (check_project / f"{name}_wsgi.py").write_text(
            f"import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', '{name}')\n"
            "from django.core.wsgi import get_wsgi_application\n"
            "application = get_wsgi_application()\n"
        )
    _, lines = check(check_project, mount("/one", "one_wsgi") + mount("/two", "two_wsgi"))
    # The first one changes the time zone, and an environment variable, of the whole process.
    assert lines[0].startswith("gateway.toml:3: warning: mounts[0].application: ")
    assert lines[1].startswith(
        "gateway.toml:7: warning: mounts[1].application: The application at /two runs in a process"
        " of its own: it asks for Django settings from two"
    )
    assert lines[2] == "gateway.toml: 0 errors, 2 warnings"


def test_an_application_in_a_process_of_its_own_is_imported_there(check_project: Path) -> None:
    (check_project / "apart").mkdir()
    (check_project / "apart" / "own.py").write_text(APPLICATION)
    (check_project / "apart" / "lost.py").write_text("import shop")
    options = ("process.working_directory = 'apart'", f"process.python = '{sys.executable}'")
    mounts = [
        mount("/own", "own", *options),
        mount("/lost", "lost", *options),
        mount("/near", "shop", "process = {}"),
        mount("/none", "nowhere", "process = {}"),
        mount("/directory", "own", "process.working_directory = 'none'"),
        mount("/python", "shop", "process.python = 'none'"),
        mount("/command", "shop", "process.command = 'not-a-program {socket}'"),
        mount("/gunicorn", "shop", "process.command = 'gunicorn --bind unix:{socket} shop'"),
    ]
    _, lines = check(check_project, "".join(mounts))
    expected = [
        (9, 1, "/lost", "No module named 'shop'"),
        (20, 3, "/none", "there is no module 'nowhere'"),
        (25, 4, "/directory", f"there is no directory {check_project / 'none'}"),
        (30, 5, "/python", f"there is no Python at {check_project / 'none'}"),
    ]
    for line, (number, index, prefix, reason) in zip(lines, expected, strict=False):
        assert line.startswith(
            f"gateway.toml:{number}: error: mounts[{index}].application: The application at"
            f" {prefix} cannot run in a process of its own: "
        )
        assert reason in line
    assert lines[len(expected) :] == [
        "gateway.toml:36: warning: mounts[6].process.command: there is no program not-a-program",
        "gateway.toml: 4 errors, 1 warning",
    ]


def test_addresses_are_applications(check_project: Path) -> None:
    text = (
        mount("/one", "http://127.0.0.1:9", "ca = '/nowhere.pem'")
        + "[[mounts]]\nprefix = '/two'\napplication = ['http://127.0.0.1:9', 'unix:/run/x.sock']\n"
        + mount("/wrong", "http://user@127.0.0.1:9")
    )
    _, lines = check(check_project, text)
    assert lines[0] == "gateway.toml:4: warning: mounts[0].ca: there is no /nowhere.pem"
    assert lines[1:] == [
        "gateway.toml:11: error: mounts[2].application: The application at /wrong could not be"
        " loaded: 'http://user@127.0.0.1:9' is not an address: it contains credentials",
        "gateway.toml: 1 error, 1 warning",
    ]


def test_certificates_that_cannot_be_read_are_named(check_project: Path) -> None:
    (check_project / "empty.pem").touch()
    text = mount("/one", "https://127.0.0.1:9", "ca = 'empty.pem'")
    _, lines = check(check_project, text)
    assert "the certificates in empty.pem cannot be read: " in lines[0]


def test_an_address_has_no_process(check_project: Path) -> None:
    text = mount("/one", "http://127.0.0.1:9") + "[mounts.process]\n"
    _, lines = check(check_project, text)
    assert lines[0].endswith("'http://127.0.0.1:9' runs elsewhere, in no process of its own")


@pytest.mark.parametrize(
    ("text", "status", "lines"),
    [
        ("", 1, ["gateway.toml: error: names no application; add [[mounts]] or base"]),
        (
            mount("/a", "shop") + mount("/a/b", "shop") + mount("/ab", "shop") + mount("/", "shop"),
            0,
            ["gateway.toml:6: warning: mounts[1].prefix: /a/b takes its paths from /a (line 2)"],
        ),
        (
            mount("/a", "shop", "login = true"),
            1,
            [
                "gateway.toml:4: error: mounts[0].login: there is no login; name one by login, or"
                " by base"
            ],
        ),
        (
            mount("/a", "shop") + "[server]\nenv = 'production'",
            1,
            [
                "gateway.toml:6: error: server.env: GATEWAY_ALLOWED_HOSTS: production needs the"
                " host names of the site"
            ],
        ),
        (
            mount("/a", "shop") + "[server]\nenv = 'production'\nallowed_hosts = ['shop.example']",
            0,
            [],
        ),
        (
            mount("/a", "shop") + "[server]\nmetrics_dir = '/nowhere'\n"
            "[companions]\na = 'not-a-program x'\nb = 'python x'",
            0,
            [
                "gateway.toml:6: warning: server.metrics_dir: there is no /nowhere",
                "gateway.toml:8: warning: companions.a: there is no program not-a-program",
            ],
        ),
    ],
)
def test_what_is_suspicious(check_project: Path, text: str, status: int, lines: list[str]) -> None:
    found = check(check_project, text)
    assert found[1][:-1] == lines
    assert found[0] == status


def test_a_directory_that_does_not_exist(check_project: Path) -> None:
    status, lines = check(check_project, "app_dir = 'src'\n" + mount("/a", "shop"))
    assert status == 1
    directory = check_project / "src"
    assert lines[0] == f"gateway.toml:1: error: app_dir: there is no directory {directory}"


def test_a_wrong_variable_of_the_environment_is_named(check_project: Path) -> None:
    status, lines = check(check_project, mount("/a", "shop"), GATEWAY_PORT="x")
    assert status == 1
    assert lines[0].startswith("environment: error: GATEWAY_PORT: Input should be a valid integer")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "gateway.toml: error: cannot be read: No such file or directory"),
        ("x = 'ä'".encode("utf-16"), "gateway.toml: error: is not in UTF-8; save it as UTF-8"),
        (b"x =", "gateway.toml:1: error: Invalid value"),
    ],
)
def test_a_file_that_is_no_toml(tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "gateway.toml").write_bytes(content)
    result = run("gateway", "check", cwd=tmp_path)
    assert result.returncode == 1
    assert result.stdout.splitlines() == [message, "gateway.toml: 1 error, 0 warnings"]


def test_another_file_can_be_checked(check_project: Path) -> None:
    file = check_project / "other.toml"
    file.write_text("x = 1\n" + mount("/a", "shop"))
    result = run("gateway", "check", "--config", file, cwd=Path("/"))
    assert result.stdout.splitlines()[0] == f"{file}:1: error: x: unknown"


def test_the_schema_is_printed() -> None:
    result = run("gateway", "schema")
    assert result.returncode == 0
    assert json.loads(result.stdout) == json.loads(SCHEMA.read_text())
