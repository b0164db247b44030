"""``gateway serve --reload``: each good change is served, and no request is lost."""

import os
import signal
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event

import httpx2 as httpx
import pytest

from tests.databases import free_port
from tests.sampling import every
from tests.servers import Server, has_ended, run, serve
from tests.wsgi import server as waiting
from tests.wsgi.server import PATIENCE

SHOP = """
import os
import time

def application(environ, start_response):
    if environ["PATH_INFO"] == "/wait":
        # A request that runs while the version changes.
        time.sleep(0.5)
    if environ["PATH_INFO"] == "/die":
        os._exit(9)
    if environ["PATH_INFO"] == "/pid":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [str(os.getpid()).encode()]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"version 1"]
"""
LIVE = """
from pathlib import Path

FILE = Path(__file__).with_name("events.txt")

def note(event):
    with FILE.open("a") as file:
        file.write(f"{VERSION} {event}\\n")

VERSION = 1

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            note(message["type"].removeprefix("lifespan."))
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"live"})
"""
LONG = 60  # seconds; a new process takes one, but the machine may be busy
PAUSE = 0.02  # seconds between two requests of a client, so that the new process gets its share
MOUNT = "[[mounts]]\nprefix = '/{0}'\napplication = '{0}'\n"


def wait_until(condition: Callable[[], object]) -> None:
    """Poll until a condition holds; fail if it never does."""
    waiting.wait_until(condition, LONG)


class Development:
    """A gateway that serves the changes of a directory.

    Attributes:
        directory: has the modules ``shop`` and ``live``, and gateway.toml.
    """

    def __init__(self, directory: Path, server: Server, origin: str) -> None:
        self.directory = directory
        self.server = server
        # No kept connections: those to an old process end when it does.
        self.client = httpx.Client(base_url=origin, timeout=LONG, headers={"Connection": "close"})

    def get(self, path: str = "/shop/") -> str:
        """Return the body of a response with status 200, else its status."""
        response = self.client.get(path)
        return response.text if response.status_code == 200 else str(response.status_code)

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text in a file, as editors do: by a new file."""
        file = self.directory / name
        content = file.read_text()
        assert old in content
        draft = file.with_suffix(".draft")
        draft.write_text(content.replace(old, new))
        draft.rename(file)

    def wait_for(self, body: str, path: str = "/shop/") -> None:
        """Wait until a path answers with a body."""
        wait_until(lambda: self.get(path) == body)

    def warning(self) -> str | None:
        """Return what readiness says of the last change."""
        warning: str | None = self.client.get("/health/ready").json()["warnings"].get("task reload")
        return warning

    def wait_for_warning(self, text: str) -> None:
        """Wait until readiness and the terminal say why a change is not served."""
        wait_until(lambda: text in (self.warning() or ""))
        # Readiness knows it a moment before the line is written.
        wait_until(lambda: "the last good version serves on" in self.server.output)


@contextmanager
def developing(
    directory: Path, mounts: Sequence[str] = ("shop",), more: str = "", path: str = "/shop/"
) -> Iterator[Development]:
    """Serve mounts of modules with --reload until the block ends."""
    port = free_port()
    (directory / "shop.py").write_text(SHOP)
    (directory / "live.py").write_text(LIVE)
    text = "".join(map(MOUNT.format, mounts)).replace("'live'", "'live:app'")
    (directory / "gateway.toml").write_text(f"{more}\n{text}")
    origin = f"http://127.0.0.1:{port}"
    command = ("gateway", "serve", "--reload", "--port", port)
    with serve(*command, origin=origin, path=path, cwd=directory) as server:
        development = Development(directory, server, origin)
        with development.client:
            yield development


def test_a_change_is_served_and_a_broken_one_is_not(tmp_path: Path) -> None:
    with developing(tmp_path) as development:
        development.edit("shop.py", "version 1", "version 2")
        development.wait_for("version 2")
        assert "Changed: shop.py; starting a new process" in development.server.output
        development.edit("shop.py", "import os\n", "import os(\n")
        development.wait_for_warning("The application at /shop could not be loaded: SyntaxError")
        assert development.get() == "version 2"
        development.edit("shop.py", "import os(\n", "import os\n")
        wait_until(lambda: development.warning() is None)
        # Two changes in a second that keep the size of the file.
        development.edit("shop.py", "version 2", "version 3")
        development.edit("shop.py", "version 3", "version 4")
        development.wait_for("version 4")
        development.server.terminate()
        assert development.server.wait(PATIENCE) == 0


@pytest.mark.slow
def test_no_request_is_lost_while_changes_are_served(tmp_path: Path) -> None:
    done = Event()
    with developing(tmp_path) as development, ThreadPoolExecutor(4) as threads:
        origin = str(development.client.base_url).rstrip("/")

        def ask(path: str) -> list[int]:
            """Ask until the changes have been served, on new connections."""
            statuses = []
            with httpx.Client(timeout=LONG, headers={"Connection": "close"}) as client:
                while not done.wait(PAUSE):
                    statuses.append(client.get(f"{origin}/{path}").status_code)
            return statuses

        clients = [threads.submit(ask, path) for path in ("shop/", "shop/", "shop/", "shop/wait")]
        try:
            for version in range(1, 4):
                development.edit("shop.py", f"version {version}", f"version {version + 1}")
                development.wait_for(f"version {version + 1}")
        finally:
            done.set()
        statuses = [status for client in clients for status in client.result()]
    assert {*statuses} == {200}
    assert len(statuses) > 20


@pytest.mark.slow
def test_a_version_that_is_not_served_is_started_and_stopped(tmp_path: Path) -> None:
    events = tmp_path / "events.txt"
    with developing(tmp_path, ("shop", "live")) as development:
        development.edit("live.py", "VERSION = 1", "VERSION = 2")
        wait_until(lambda: "1 shutdown" in events.read_text())
        development.edit("shop.py", "import os\n", "import nothing\n")
        development.wait_for_warning("No module named 'nothing'")
        wait_until(lambda: events.read_text().count("2 shutdown") == 1)
        assert development.get("/live/") == "live"
    assert events.read_text().splitlines() == [
        *("1 startup", "2 startup", "1 shutdown"),
        *("2 startup", "2 shutdown", "2 shutdown"),
    ]


@pytest.mark.slow
def test_an_application_that_is_broken_from_the_start_does_not_hold_up_the_others(
    tmp_path: Path,
) -> None:
    with developing(tmp_path, ("shop", "nowhere")) as development:
        assert development.get("/nowhere/") == "503"
        development.edit("shop.py", "version 1", "version 2")
        development.wait_for("version 2")
        (tmp_path / "nowhere.py").write_text(SHOP)
        development.wait_for("version 1", "/nowhere/")


def test_the_file_is_watched(tmp_path: Path) -> None:
    with developing(tmp_path) as development:
        (tmp_path / "other.py").write_text(SHOP.replace("version 1", "other"))
        development.edit("gateway.toml", "/shop'", "/other'")
        development.wait_for("version 1", "/other/")
        assert development.get("/shop/") == "404"
        development.edit("gateway.toml", "'shop'", "'other'\nthread = 3")
        development.wait_for_warning("gateway.toml:5: error: mounts[0].thread: unknown")
        development.edit("gateway.toml", "thread =", "threads =")
        development.wait_for("other", "/other/")
        assert development.warning() is None


@pytest.mark.slow
def test_settings_that_leave_the_file_have_their_defaults(tmp_path: Path) -> None:
    with developing(tmp_path, more="[server]\nmax_body_size = 1") as development:

        def status() -> int:
            return development.client.post("/shop/", content=b"four").status_code

        assert status() == 413
        development.edit("gateway.toml", "max_body_size = 1", "")
        wait_until(lambda: status() == 200)


@pytest.mark.slow
def test_modules_elsewhere_and_templates_are_watched_and_other_files_are_not(
    tmp_path: Path,
) -> None:
    project, library = tmp_path / "project", tmp_path / "library"
    project.mkdir()
    library.mkdir()
    (library / "elsewhere.py").write_text("VERSION = 1")
    prologue = f"import sys\nsys.path.append({str(library)!r})\nimport elsewhere\n"
    with developing(project) as development:
        development.edit("shop.py", "import os\n", f"{prologue}import os\n")
        development.edit("shop.py", 'b"version 1"', 'b"elsewhere %d" % elsewhere.VERSION')
        development.wait_for("elsewhere 1")
        wait_until(lambda: development.warning() is None)
        (library / "elsewhere.py").write_text("VERSION = 2")
        development.wait_for("elsewhere 2")
        process = development.get("/shop/pid")
        with sqlite3.connect(project / "data.sqlite3") as connection:
            connection.execute("CREATE TABLE x (y)")
        connection.close()
        (project / "log.txt").write_text("line")
        (project / "page.html").write_text("<p>")
        wait_until(lambda: development.get("/shop/pid") != process)
        changed = [line for line in development.server.output.splitlines() if "Changed" in line]
        assert changed[-1].endswith("Changed: page.html; starting a new process")
        assert not any("sqlite" in line or "log.txt" in line for line in changed)


@pytest.mark.slow
def test_a_process_that_dies_is_replaced(tmp_path: Path) -> None:
    with developing(tmp_path) as development:
        process = development.get("/shop/pid")
        with pytest.raises(httpx.RemoteProtocolError):
            development.get("/shop/die")
        wait_until(lambda: development.get("/shop/pid") != process)
        assert "The process has ended with status 9; starting another" in development.server.output


@pytest.mark.parametrize("number", every(2, [signal.SIGINT, signal.SIGKILL]))
def test_nothing_is_left_behind(tmp_path: Path, number: signal.Signals) -> None:
    with developing(tmp_path) as development:
        process = int(development.get("/shop/pid"))
        os.kill(development.server.pid, number)
        status = development.server.wait(PATIENCE)
        assert status == (0 if number == signal.SIGINT else -number)
        wait_until(lambda: has_ended(process))


@pytest.mark.slow
def test_a_base_that_cannot_be_imported_is_not_served(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("from framework_gateway import Gateway\napp = Gateway()")
    with developing(tmp_path, more="base = 'own:app'") as development:
        (tmp_path / "own.py").write_text("1 / 0")
        development.wait_for_warning("the new version could not be started")
        assert "own:app could not be imported: ZeroDivisionError" in development.server.output
        assert development.get() == "version 1"


@pytest.mark.parametrize(
    ("arguments", "env", "message"),
    [
        (
            (),
            {"GATEWAY_ENV": "production", "GATEWAY_ALLOWED_HOSTS": "shop.example"},
            "Error: --reload is for development; leave it out, because GATEWAY_ENV is production\n",
        ),
        (
            ("--workers", 2),
            {},
            "Error: --reload serves in one process; leave it out, or use --workers 1\n",
        ),
    ],
)
def test_reload_is_for_development_and_one_process(
    tmp_path: Path, arguments: tuple[object, ...], env: dict[str, str], message: str
) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    command = ("gateway", "serve", "--only-mounts", "--mount", "/shop=shop", "--reload")
    result = run(*command, *arguments, cwd=tmp_path, env=env)
    assert (result.returncode, result.stderr) == (1, message)


@pytest.mark.slow
def test_the_directory_of_app_dir_is_watched(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "shop.py").write_text(SHOP)
    port = free_port()
    options = ("--only-mounts", "--mount", "/shop=shop", "--app-dir", "code", "--reload")
    origin = f"http://127.0.0.1:{port}"
    command = ("gateway", "--port", port, *options)
    with serve(*command, origin=origin, path="/shop/", cwd=tmp_path) as server:
        development = Development(tmp_path / "code", server, origin)

        with development.client:
            development.edit("shop.py", "version 1", "version 2")
            development.wait_for("version 2")


NOTING = """
from pathlib import Path

FILE = Path(__file__).with_name("requests.txt")

def application(environ, start_response):
    with FILE.open("a") as file:
        file.write(environ["PATH_INFO"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"version 1"]
"""


def test_files_that_change_all_the_time_hide_no_change_and_no_signal(tmp_path: Path) -> None:
    (tmp_path / "noting.py").write_text(NOTING)
    with developing(tmp_path, ("noting",), path="/noting/") as development:
        ended = Event()

        def load() -> None:
            """Let each request change a file in the directory that is watched."""
            while not ended.wait(PAUSE):
                with suppress(httpx.TransportError):  # at the end
                    development.get("/noting/")

        with ThreadPoolExecutor() as pool:
            pool.submit(load)
            try:
                development.edit("noting.py", "version 1", "version 2")
                development.wait_for("version 2", "/noting/")
                development.server.terminate()
                assert development.server.wait(LONG) == 0
            finally:
                ended.set()


# Applications in processes of their own


ISOLATED = """
[mounts.process]
working_directory = "apart"

[[mounts]]
prefix = "/near"
application = "near"

[mounts.process]
"""


@pytest.mark.slow
def test_processes_of_a_mount_are_replaced_alone(tmp_path: Path) -> None:
    apart = tmp_path / "apart"
    apart.mkdir()
    for file in (apart / "own.py", tmp_path / "near.py"):
        file.write_text(SHOP)
    with developing(tmp_path, ("shop", "own"), path="/shop/") as development:
        with (tmp_path / "gateway.toml").open("a") as description:
            description.write(ISOLATED)
        for prefix in ("own", "near"):
            development.wait_for("version 1", f"/{prefix}/")
        wait_until(lambda: development.warning() is None)
        processes = [development.get(f"/{name}/pid") for name in ("shop", "near")]
        development.edit("apart/own.py", "version 1", "version 2")
        development.wait_for("version 2", "/own/")
        assert "Changed: own.py; restarting the processes of /own" in development.server.output
        development.edit("apart/own.py", "import os\n", "import os(\n")
        wait_until(lambda: "the old process serves on" in development.server.output)
        assert development.get("/own/") == "version 2"
        assert [development.get(f"/{name}/pid") for name in ("shop", "near")] == processes
        development.edit("near.py", "version 1", "version 3")
        development.wait_for("version 3", "/near/")
        assert development.get("/shop/pid") == processes[0]


def test_a_signal_replaces_the_processes_of_the_mounts(tmp_path: Path) -> None:
    (tmp_path / "near.py").write_text(SHOP)
    isolated = MOUNT.format("near") + "[mounts.process]\n"
    with developing(tmp_path, (), isolated, path="/near/") as development:
        before = development.get("/near/pid")
        development.server.send_signal(signal.SIGUSR1)
        wait_until(lambda: development.get("/near/pid") != before)
