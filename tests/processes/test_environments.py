"""Applications with servers, Pythons and environments of their own."""

import json
import os
import pwd
import subprocess
import tempfile
from pathlib import Path

import pytest

from framework_gateway.processes import launcher
from tests.databases import missing
from tests.processes.environments import OldFlask
from tests.processes.gateways import isolating
from tests.servers import SCRIPTS

FORM = {"socket": "{socket}", "kind": None, "threads": 4, "grace": 5}
# A server for one user to tell who runs it.
SERVER = """
import http.server, os, socketserver, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        body = str(os.getuid()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_OPTIONS = answer

    def address_string(self):
        return "gateway"

socketserver.ThreadingUnixStreamServer(sys.argv[1], Handler).serve_forever()
"""


def options(*given: str) -> list[str]:
    return [part for option in given for part in ("--mount-option", option)]


def test_gunicorn_serves_by_a_command_and_knows_the_prefix(apps: Path) -> None:
    command = "gunicorn --no-control-socket --bind unix:{socket} --workers 2 old"
    with isolating(apps, *options(f"/old:process.command={command}"), old="old") as gateway:
        response = gateway.wait_for("/old/", 302)
        assert response.headers["Location"] == "/old/items/7"
        assert gateway.get("/old/items/7").json()["root"] == "/old"
        gateway.wait_for_output("process./old [-]")


def test_uvicorn_serves_by_a_command_and_knows_the_prefix(apps: Path) -> None:
    command = "uvicorn --uds {socket} --root-path {prefix} live:app"
    given = options(f"/live:process.command={command}", "/live:strip_prefix=true")
    with isolating(apps, *given, live="live") as gateway:
        found = gateway.wait_for("/live/items").json()
        assert found["url"] == f"{gateway.origin}/live/items"


@pytest.mark.parametrize("command", ["no-such-program {socket}", "false {socket}"])
def test_a_command_that_does_not_run_is_named(apps: Path, command: str) -> None:
    given = options(f"/old:process.command={command}")
    with isolating(apps, *given, old="old") as gateway:
        gateway.wait_for_output("restart in 1 s")
        assert "could not be started: " in gateway.readiness["failures"]["/old"]


@pytest.mark.parametrize(
    ("application", "hidden"),
    [
        ("old:application", ()),
        pytest.param("old:application", ("waitress",), marks=pytest.mark.slow),
        ("live:app", ()),
        pytest.param("live:app", ("uvicorn",), marks=pytest.mark.slow),
    ],
    ids=["waitress", "gunicorn", "uvicorn", "hypercorn"],
)
def test_the_launcher_serves_by_what_is_installed(
    apps: Path, application: str, hidden: tuple[str, ...]
) -> None:
    for name in hidden:
        (apps / f"{name}.py").write_text("raise ImportError\n")
    order = json.dumps({**FORM, "application": application})
    command = f"{SCRIPTS / 'python'} {launcher.__file__} '{order}'"
    given = options(f"/app:process.command={command}", "/app:strip_prefix=true")
    with isolating(apps, *given, app=application) as gateway:
        path = "/app/items/7" if application.startswith("old") else "/app/items"
        found = gateway.wait_for(path).json()
        assert found.get("root", "/app") == "/app"
        assert found.get("url", f"{gateway.origin}/app/items") == f"{gateway.origin}/app/items"
        assert found.get("client", "127.0.0.1") == "127.0.0.1"


def test_the_launcher_says_which_servers_it_can_use(apps: Path) -> None:
    for name in ("waitress", "gunicorn"):
        (apps / f"{name}.py").write_text("raise ImportError\n")
    order = json.dumps({**FORM, "application": "probe:app"})
    result = subprocess.run(
        [SCRIPTS / "python", launcher.__file__, order], cwd=apps, capture_output=True, text=True
    )
    assert result.returncode == 1
    assert "install waitress or gunicorn there" in result.stderr.splitlines()[-1]


def test_a_python_that_is_missing_is_named(apps: Path) -> None:
    given = options("/probe:process.python=/nowhere/bin/python")
    with isolating(apps, *given, probe="probe:app") as gateway:
        gateway.wait_for_output("there is no Python at /nowhere/bin/python")


@pytest.mark.slow
def test_flask_1_runs_on_the_oldest_python_in_an_environment_of_its_own(
    apps: Path, old_flask: OldFlask
) -> None:
    with isolating(apps, *old_flask.options, old="old:application", probe="probe:app") as gateway:
        assert gateway.wait_for("/old/", 302).headers["Location"].endswith("/old/items/7")
        found = gateway.get("/old/items/7").json()
        assert (found["flask"], tuple(found["python"])) == ("1.1.4", old_flask.version)
        assert (found["root"], found["user"]) == ("/old", None)
        assert gateway.probe()["python"] != list(old_flask.version)


@pytest.mark.slow
def test_a_process_can_run_as_another_user(apps: Path) -> None:
    if os.geteuid() != 0:
        missing("this must run as root")
    # Where that user can read.
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        os.chmod(directory, 0o755)
        (server := Path(directory, "server.py")).write_text(SERVER)
        command = f"/usr/bin/python3 {server} {{socket}}"
        given = options(
            f"/app:process.command={command}",
            "/app:process.user=nobody",
            f"/app:process.working_directory={directory}",
        )
        with isolating(apps, *given, app="app") as gateway:
            assert gateway.wait_for("/app/").text == str(pwd.getpwnam("nobody").pw_uid)


def test_an_unknown_user_is_named(apps: Path) -> None:
    given = options("/probe:process.user=no-such-user")
    with isolating(apps, *given, probe="probe:app") as gateway:
        gateway.wait_for_output("there is no user no-such-user")
