"""Starts and stops: error messages, the first run, and a clean end."""

import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
from pathlib import Path

import httpx2 as httpx
import pytest
from starlette.testclient import TestClient

from contract.engines import create_sync_engine, register_sqlite_functions
from contract.settings import SECRET_KEY_FILE, get_settings
from contract.table import metadata
from fastapi_app import steps
from framework_gateway.server.server import STOP_MARGIN
from framework_gateway.wsgi.middleware import RETURN_TIMEOUT
from tests.conftest import FRAMEWORKS
from tests.databases import PostgreSQL, SQLite, free_port
from tests.sampling import every
from tests.servers import SCRIPTS, run, serve
from tests.usage import times_open
from tests.wsgi.server import PATIENCE

USERS = [(1, "Alice", "alice@example.com"), (2, "Bob", "bob@example.com")]


def prepare(url: str) -> subprocess.CompletedProcess[str]:
    return run("python", "manage.py", "prepare", env={"GATEWAY_DATABASE_URL": url})


def rows(file: Path, statement: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(file)
    register_sqlite_functions(connection, "tests")
    found = connection.execute(statement).fetchall()
    connection.commit()
    connection.close()
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The path of a new database, in a directory that does not exist yet."""
    return tmp_path / "new" / "gateway.sqlite3"


def test_a_port_in_use_is_reported_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("gateway", "--port", port)
    assert result.returncode == 1
    assert result.stdout == ""
    assert re.fullmatch(
        rf"Error: Cannot listen on 127\.0\.0\.1:{port} \(Address already in use.*\); "
        r"choose another port with --port\.\n",
        result.stderr,
    )


NO_INTEGER = "Input should be a valid integer, unable to parse string as an integer"
OF_THE_GATEWAY = [f"GATEWAY_PORT: {NO_INTEGER}", f"GATEWAY_THREADS: {NO_INTEGER}"]
OF_THE_API = [
    "GATEWAY_DATABASE_URL: use sqlite:///file.sqlite3 or postgresql://user:password@host/name",
    f"GATEWAY_THREADS: {NO_INTEGER}",
]


@pytest.mark.parametrize(
    ("command", "lines"),
    [
        (("gateway",), OF_THE_GATEWAY),
        (("gateway", "compare", "/"), OF_THE_API),
        (("python", "gateway.py"), OF_THE_API),
        (("python", "manage.py", "prepare"), OF_THE_API),
        (("flask", "--app", "flask_app", "routes"), OF_THE_API),
    ],
)
def test_each_invalid_setting_is_reported_in_one_line(
    command: tuple[str, ...], lines: list[str]
) -> None:
    wrong = {"PORT": "x", "THREADS": "x", "DATABASE_URL": "mysql://localhost/name"}
    result = run(*command, env={f"GATEWAY_{name}": value for name, value in wrong.items()})
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.splitlines() == lines


def test_a_new_database_gets_the_articles_users_and_an_account(file: Path) -> None:
    result = prepare(f"sqlite:///{file}")
    assert result.returncode == 0
    assert result.stderr == ""
    assert re.fullmatch(
        r"A new database: users Alice and Bob, and an account for the admin\.\n"
        r"  name admin, password [\w-]{16} \(shown only now\)\n"
        r"Created the database\.\n",
        result.stdout,
    )
    assert rows(file, "SELECT id, name, email FROM users ORDER BY id") == USERS


def test_the_printed_password_logs_in(file: Path) -> None:
    url = f"sqlite:///{file}"
    password = prepare(url).stdout.split("password ")[1].split()[0]
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    login = "/django/admin/login/?next=/django/admin/"
    with (
        serve(
            "gateway", "--port", port, origin=origin, path=login, env={"GATEWAY_DATABASE_URL": url}
        ),
        httpx.Client(base_url=origin) as client,
    ):
        client.get(login)
        form = {"username": "admin", "csrfmiddlewaretoken": client.cookies["csrftoken"]}
        wrong = client.post(login, data={**form, "password": password[::-1]})
        assert wrong.status_code == 200
        right = client.post(login, data={**form, "password": password})
        assert right.status_code == 302
        assert right.headers["Location"] == "/django/admin/"
        assert client.get("/django/admin/").status_code == 200


@pytest.mark.parametrize(
    "change", every(2, ["UPDATE users SET name = 'Al' WHERE id = 1", "DELETE FROM users"])
)
def test_a_second_prepare_says_so_and_changes_nothing(file: Path, change: str) -> None:
    url = f"sqlite:///{file}"
    prepare(url)
    rows(file, change)
    everything = "SELECT * FROM users", "SELECT * FROM auth_user", "SELECT * FROM django_migrations"
    before = [rows(file, statement) for statement in everything]
    result = prepare(url)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "The database is up to date. There was nothing to apply.\n"
    assert [rows(file, statement) for statement in everything] == before


def test_prepare_reports_an_unreachable_server_in_one_line() -> None:
    port = free_port()
    result = prepare(f"postgresql://gateway@127.0.0.1:{port}/postgres")
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr == (
        "CommandError: The database cannot be used (connection failed: connection to server at "
        f'"127.0.0.1", port {port} failed: Connection refused). '
        "Start it, or point GATEWAY_DATABASE_URL at another.\n"
    )


def test_prepare_reports_an_unusable_file_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("This is a letter, and no database.")
    for name, reason in (
        ("letter", "file is not a database"),
        ("letter/x.sqlite3", f"{tmp_path / 'letter'}: File exists"),
    ):
        result = prepare(f"sqlite:///{tmp_path / name}")
        assert result.returncode == 1
        assert result.stdout == ""
        assert result.stderr == (
            f"CommandError: The database cannot be used ({reason}). "
            "Start it, or point GATEWAY_DATABASE_URL at another.\n"
        )


def test_fastapis_lifespan_runs_under_the_mount(
    migrated: SQLite | PostgreSQL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway import create_app

    # A stop gives up a step that takes longer, and leaves its files to the garbage collector. On a
    # busy disk, opening a file can take more than the second that a step gets.
    monkeypatch.setattr(steps, "LAST_STEP", PATIENCE)
    file = tmp_path / "users.sqlite3"
    settings = get_settings().model_copy(update={"database_url": f"sqlite:///{file}"})
    engine = create_sync_engine(settings, "tests")
    metadata.create_all(engine)
    engine.dispose()
    with TestClient(create_app(settings), "http://127.0.0.1") as client:
        assert client.get("/fastapi/api/users").json() == []
        # The pool's connection, and the one that watches for events.
        assert times_open(file, os.getpid()) >= 1
    assert times_open(file, os.getpid()) == 0


def test_a_request_timeout_that_is_too_short_for_the_database_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    from gateway import create_app

    settings = get_settings().model_copy(update={"database_timeout": 60.0})
    create_app(settings, {})
    assert "GATEWAY_DATABASE_TIMEOUT (60 s) should be less" in caplog.text
    caplog.clear()
    create_app(settings.model_copy(update={"database_timeout": 59.0}), {})
    assert caplog.text == ""


def start_waiting(port: int, framework: str, ms: int) -> socket.socket:
    """Send a request that waits; the kernel has it when this returns."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    head = f"GET /{framework}/api/wait?ms={ms} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    connection.sendall(head.encode())
    return connection


def read_to_the_end(connection: socket.socket) -> bytes:
    with connection, connection.makefile("rb") as file:
        return file.read()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM], ids=["INT", "TERM"])
@pytest.mark.usefixtures("migrated")
def test_running_requests_finish_after_a_signal(sent: signal.Signals) -> None:
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    with serve("gateway", "--port", port, origin=origin, path="/flask/api/hello") as server:
        running = [start_waiting(port, name, 1000) for name in FRAMEWORKS]
        # This request is sent later and answered, so the server has read the others.
        for name in FRAMEWORKS:
            assert httpx.get(f"{origin}/{name}/api/hello").status_code == 200
        server.send_signal(sent)
        for connection in running:
            assert read_to_the_end(connection).endswith(b'\r\n\r\n{"waited_ms":1000}')
        assert server.wait(20) == 0
        assert "Traceback" not in server.output
        assert "Aborted" not in server.output


@pytest.mark.parametrize("framework", every(3, ["flask", "fastapi", "django"]))
@pytest.mark.usefixtures("migrated")
def test_a_request_beyond_the_graceful_timeout_does_not_delay_the_exit(framework: str) -> None:
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    command = ("gateway", "--port", port)
    env = {"GATEWAY_GRACEFUL_TIMEOUT": "1"}
    with serve(*command, origin=origin, path=f"/{framework}/api/hello", env=env) as server:
        running = start_waiting(port, framework, 10_000)
        assert httpx.get(f"{origin}/{framework}/api/hello").status_code == 200
        server.terminate()
        status = server.wait(PATIENCE)
        assert b"waited_ms" not in read_to_the_end(running)
        # FastAPI's coroutine can be cancelled; threads of Flask and Django do not return in time.
        # The seconds are the server's own, because a busy machine takes longer to end a process.
        assert status == (framework != "fastapi")
        assert "graceful shutdown exceeded" in server.output
        left = rf"hreads have not returned within ({1 + RETURN_TIMEOUT:g}|{1 + STOP_MARGIN:g}) s"
        assert bool(re.search(left, server.output)) == bool(status)


@pytest.mark.slow
def test_make_run_serves_all_frameworks_and_shows_the_password_once(file: Path) -> None:
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    env = {"GATEWAY_DATABASE_URL": f"sqlite:///{file}", "GATEWAY_PORT": str(port)}
    program = shutil.which("make")
    assert program
    # As if it were just installed, because this test is about the run.
    command = (program, "--no-print-directory", "-o", ".venv/installed", "run", f"BIN={SCRIPTS}")
    key_before = SECRET_KEY_FILE.read_bytes() if SECRET_KEY_FILE.exists() else None
    shown = []
    for _ in range(2):
        with serve(*command, origin=origin, path="/flask/api/hello", env=env) as server:
            answers = [httpx.get(f"{origin}/{name}/api/users") for name in FRAMEWORKS]
            assert [answer.status_code for answer in answers] == [200, 200, 200]
            assert [tuple(user.values()) for user in answers[0].json()] == USERS
            assert f"Flask      {origin}/flask/api/users" in server.output.splitlines()
            shown.append(server.output.count("password "))
    assert shown == [1, 0]
    assert file.exists()
    assert (SECRET_KEY_FILE.read_bytes() if SECRET_KEY_FILE.exists() else None) == key_before
