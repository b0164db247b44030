"""Runs the examples of README and guide: gateways, comparisons, and Python code."""

import json
import os
import re
import subprocess
from itertools import pairwise
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.databases import PostgreSQL, SQLite, free_port
from tests.documents import DOCS, README, blocks, commands
from tests.servers import ROOT, SCRIPTS, serve

# The applications that the examples name, each as small as possible.
WSGI = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [b"[]"]
"""
ASGI = """
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route


async def answer(request):
    return Response(b"[]", media_type="application/json")


app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])
"""
SHOP_GATEWAY = """
from framework_gateway import Gateway


def create_gateway():
    return Gateway({"/shop": "shop.wsgi:application"})


app = create_gateway()
"""
FILE = 'app_dir = ".."\nbase = "gateway:app"\n'
APPLICATIONS = blocks(DOCS / "mounting.md", "python")
LOG = '127.0.0.1 - - [27/Nov/2026:10:00:00 +0000] "GET /api/orders HTTP/1.1" 200 2\n'
ARCHIVE = '{"log": {"entries": [{"request": {"method": "GET", "url": "http://127.0.0.1/"}}]}}'
SLEEP = "import time; time.sleep(60)\n"
SHOP = """
from tests.compare.applications import {name} as application, {name} as app
"""


def python_of(page: Path, word: str) -> str:
    """Return the only Python block of a page that contains a word."""
    (code,) = (code for code in blocks(page, "python") if word in code)
    return code


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with every application that the examples name."""
    (example,) = (code for code in blocks(DOCS / "mounting.md", "python") if "companions=" in code)
    files = {
        "shop/__init__.py": "",
        "shop/wsgi.py": WSGI,
        "shop/main.py": ASGI,
        "shop/gateway.py": SHOP_GATEWAY,
        "shop/clock.py": SLEEP,
        "legacy/__init__.py": "",
        "legacy/wsgi.py": WSGI,
        "live.py": ASGI,
        "gateway.py": example,
        "manage.py": SLEEP,
        "requests.jsonl": "".join(blocks(DOCS / "comparing.md", "json")),
        "access.log": LOG,
        "browser.har": ARCHIVE,
        "deploy/gateway.toml": FILE,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def can_run(command: list[str]) -> bool:
    """Return whether a command of the docs needs no other machine, server or directory."""
    return not any(place in word for word in command for place in ("=http://", "/srv/"))


SERVED = [command for command in commands("gateway serve ") if can_run(command)]


@pytest.mark.parametrize("command", SERVED, ids=" ".join)
def test_every_gateway_is_served(command: list[str], project: Path) -> None:
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    prefixes = [
        mount.partition("=")[0] for option, mount in pairwise(command) if option == "--mount"
    ]
    if prefixes == ["/shop"] and "--only-mounts" not in command:
        # The example adds a prefix that the Gateway must not have yet.
        (project / "gateway.py").write_text(SHOP_GATEWAY.replace("/shop", "/other"))
    env = {"GATEWAY_GRACEFUL_TIMEOUT": "1"}
    start = (*command, "--port", port)
    with serve(*start, origin=origin, path="/health/live", env=env, cwd=project) as server:
        for prefix in prefixes or ["/shop"]:
            answer = httpx.get(f"{origin}{prefix}/")
            assert (answer.status_code, answer.content) == (200, b"[]"), server.output
        assert httpx.get(f"{origin}/health/ready").json()["failures"] == {}


@pytest.mark.parametrize(
    "command",
    # tests/compare/test_moves.py runs the one that finds differences.
    [
        command
        for command in commands("gateway compare ")
        if "--target" in command and "--openapi" not in command and can_run(command)
    ],
    ids=" ".join,
)
def test_every_comparison_of_targets_runs(command: list[str], project: Path) -> None:
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    command = [word.replace("http://127.0.0.1:8001", origin) for word in command]
    if origin in " ".join(command):
        start = ("uvicorn", "shop.main:app", "--port", port)
        with serve(*start, origin=origin, path="/", cwd=project):
            assert_equal_responses(command, project)
    else:
        assert_equal_responses(command, project)


def assert_equal_responses(command: list[str], directory: Path) -> None:
    """Run a comparison whose responses are equal."""
    done = subprocess.run(
        [SCRIPTS / command[0], *command[1:]], cwd=directory, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "command",
    [command for command in commands("gateway compare ") if "--target" not in command],
    ids=" ".join,
)
@pytest.mark.usefixtures("database")
def test_every_comparison_of_the_showdown_runs(command: list[str]) -> None:
    assert_equal_responses(command, ROOT)


@pytest.mark.parametrize("number", range(len(APPLICATIONS)))
def test_every_application_in_python_answers(number: int, project: Path) -> None:
    code = APPLICATIONS[number]
    if "lifespan=lifespan" in code and "def lifespan" not in code:
        code = APPLICATIONS[number - 1] + code  # it replaces the end of the previous example
    (project / "example.py").write_text(code)
    command = [str(SCRIPTS / "gateway"), "compare", "--json", "/shop/"]
    command += ["--target", "a=example:app", "--target", "b=example:app"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    answers = json.loads(done.stdout)["answers"]
    assert [answer["status"] for answer in answers] == [200, 200]


@pytest.mark.parametrize(
    ("page", "word", "tests"),
    [
        (README, "comparing(", 1),
        (DOCS / "comparing.md", "comparing(", 3),
        (DOCS / "comparing.md", "assert_equal(", 3),
    ],
)
@pytest.mark.parametrize(("new", "is_alike"), [("main", True), ("changed", False)])
def test_the_test_suites_of_the_examples_run(
    tmp_path: Path, page: Path, word: str, tests: int, new: str, is_alike: bool
) -> None:
    code = python_of(page, word)
    for package, module, name in (("legacy", "wsgi", "legacy"), ("shop", "main", new)):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
        (tmp_path / package / f"{module}.py").write_text(SHOP.format(name=name))
    (tmp_path / "test_shop.py").write_text(code.replace("/api/orders", "/users"))
    (tmp_path / "pyproject.toml").write_text("".join(blocks(DOCS / "comparing.md", "toml")))
    (tmp_path / "pytest.ini").write_text(f"[pytest]\npythonpath = . {ROOT}\n")
    done = subprocess.run(
        [SCRIPTS / "pytest", "-q", "-p", "no:cacheprovider", "-p", "framework_gateway"],
        cwd=tmp_path,
        # Loading the plugins of this suite takes longer than the tests themselves.
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (f"{tests} passed" in done.stdout) == is_alike, done.stdout
    if not is_alike:
        assert "GET /users: differs" in done.stdout
        assert re.search(r'body /1/name.*old\s+"Bob".*new\s+"Rob"', done.stdout, re.DOTALL)


def test_the_webhook_example_is_accepted(database: SQLite | PostgreSQL) -> None:
    code = python_of(DOCS / "hybrid.md", "webhook-id")
    (secret,) = re.findall('secret = "(.*)"', code)
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    env = {"GATEWAY_WEBHOOK_SECRET": secret}
    with serve("gateway", "--port", port, origin=origin, path="/flask/api/hello", env=env):
        exec(code.replace("http://127.0.0.1:8000", origin), {})
        (user,) = httpx.get(f"{origin}/django/api/users?search=dora").json()
    assert user == {"id": 3, "name": "Dora", "email": "dora@example.com"}
