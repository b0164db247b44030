"""``backup`` and ``restore``, while gateways write, read and listen."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.conftest import FRAMEWORKS
from tests.database.test_outage import gateway_on
from tests.database.test_prepare import empty, execute, make_previous, prepare
from tests.databases import NUMBER_EVENTS, PostgreSQL, SQLite
from tests.sampling import REST
from tests.servers import run, running
from tests.wsgi.server import wait_until

__all__ = ["empty"]  # the fixture

EVENTS = "SELECT action, user_id, email FROM user_events ORDER BY id"
USERS = "SELECT id, email FROM users ORDER BY id"
NEWER = (
    "INSERT INTO django_migrations (app, name, applied)"
    " VALUES ('django_app', '9999_of_tomorrow', '2030-01-01')"
)

SLOW = [
    *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("letter", "newer")),
    *(pytest.param(kind, marks=REST) for kind in ("cut", "missing")),
]


def manage(url: str, *command: object, **env: str) -> tuple[int, str]:
    result = run("python", "manage.py", *command, env={"GATEWAY_DATABASE_URL": url, **env})
    return result.returncode, result.stdout + result.stderr


def number_events(url: str) -> None:
    if url.startswith("postgresql"):
        execute(url, NUMBER_EVENTS)


def replay(url: str) -> dict[int, str]:
    """Return the users that the events lead to."""
    users: dict[int, str] = {}
    number_events(url)
    for action, user_id, email in execute(url, EVENTS):
        if action == "deleted":
            del users[user_id]
        else:
            users[user_id] = email
    return users


class Writers:
    """Threads that create, change and delete users, one for each framework."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.stop = threading.Event()
        self.created: dict[str, list[str]] = {name: [] for name in FRAMEWORKS}

    @contextmanager
    def running(self) -> Iterator[None]:
        threads = [threading.Thread(target=self.write, args=(name,)) for name in FRAMEWORKS]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.stop.set()
            for thread in threads:
                thread.join()

    def write(self, name: str) -> None:
        while not self.stop.is_set():
            email = f"{name}{len(self.created[name])}@example.com"
            user = {"name": name, "email": email}
            answer = self.client.post(f"/{name}/api/users", json=user)
            assert answer.status_code == 201, answer.text
            self.created[name].append(email)
            other = self.client.post(f"/{name}/api/users", json={**user, "email": f"x{email}"})
            self.client.patch(other.headers["Location"], json={"email": f"y{email}"})
            self.client.delete(other.headers["Location"])

    def wait_for_more(self) -> list[str]:
        """Return what has been acknowledged, after five more of each thread."""
        goals = {name: len(emails) + 5 for name, emails in self.created.items()}
        wait_until(
            lambda: all(len(self.created[name]) >= goal for name, goal in goals.items()), seconds=60
        )
        return [email for emails in self.created.values() for email in emails]


def test_a_backup_under_writers_is_restored_under_listeners(empty: str, tmp_path: Path) -> None:
    prepare(empty)
    file = tmp_path / "backup"
    with (
        gateway_on(empty, GATEWAY_DATABASE_TIMEOUT="20") as (client, server),
        client.stream("GET", "/fastapi/api/users/events") as listener,
    ):
        writers = Writers(client)
        with writers.running():
            before = writers.wait_for_more()
            assert manage(empty, "backup", file)[0] == 0
            after = set(writers.wait_for_more())
        assert file.stat().st_mode & 0o077 == 0
        assert listener.status_code == 200
        status, said = manage(empty, "restore", file)
        assert (status, said) == (0, f"Restored {file}.\n")
        restored = dict(execute(empty, USERS))
        # Of one moment: each user with its events, and none without.
        assert restored == replay(empty)
        emails = {email for email in restored.values() if email[0] not in "xy"}
        assert {*before} <= emails < after | {"alice@example.com", "bob@example.com"}
        for name in FRAMEWORKS:
            found = client.get(f"/{name}/api/users?limit=3").json()
            assert [(user["id"], user["email"]) for user in found] == [*restored.items()][:3]
            user = {"name": name, "email": f"after.{name}@example.com"}
            assert client.post(f"/{name}/api/users", json=user).status_code == 201
        assert client.get("/health/ready").status_code == 200
        assert "Traceback" not in server.output
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.slow
def test_events_after_a_restore_have_ids_that_no_event_had(empty: str, tmp_path: Path) -> None:
    """So a listener that was away during the restore finds that its last event is gone."""
    newest, file = "SELECT max(id) FROM user_events", tmp_path / "backup"
    add = "INSERT INTO users (name, email) VALUES ('Eve', '{}@example.com')"
    prepare(empty)
    number_events(empty)
    assert manage(empty, "backup", file)[0] == 0
    execute(empty, *(add.format(number) for number in range(3)))
    number_events(empty)
    [(before,)] = execute(empty, newest)
    assert manage(empty, "restore", file)[0] == 0
    [(restored,)] = execute(empty, newest)
    assert restored < before
    execute(empty, add.format("after"))
    number_events(empty)
    assert execute(empty, newest) == [(before + 1,)]
    with gateway_on(empty) as (client, _):
        headers = {"Last-Event-ID": str(before)}
        with client.stream("GET", "/fastapi/api/users/events", headers=headers) as listener:
            assert "event: reset" in next(text for text in listener.iter_text() if "event" in text)


@pytest.mark.slow
def test_a_backup_names_what_is_not_in_it(empty: str, tmp_path: Path) -> None:
    prepare(empty)
    execute(
        empty,
        "INSERT INTO exports (id, media_type, file, ordered_at)"
        " VALUES ('00000000000000000000000000000001', 'text/csv', '1.csv', '2026-01-01')",
    )
    file, files = tmp_path / "backup", tmp_path / "files"
    status, said = manage(empty, "backup", file, GATEWAY_FILES_DIR=str(files))
    assert status == 0
    assert said.splitlines() == [
        f"Wrote {file} ({file.stat().st_size} bytes).",
        f"Not in it: the files of 1 exports, which are in {files}, and the secret key.",
    ]
    status, said = manage(empty, "restore", file, GATEWAY_FILES_DIR=str(files))
    assert status == 0
    assert said == f"Restored {file}.\n1 exports have no file in {files}.\n"


@pytest.mark.slow
def test_an_older_backup_is_migrated(empty: str, tmp_path: Path) -> None:
    newest = make_previous(empty)
    file = tmp_path / "backup"
    assert manage(empty, "backup", file)[0] == 0
    prepare(empty)
    execute(empty, "DELETE FROM user_events")
    assert manage(empty, "restore", file) == (0, f"Restored {file}.\nApplied: {newest}.\n")
    assert execute(empty, USERS) == [(1, "carol@example.com")]


@pytest.mark.slow
def test_a_backup_is_restored_into_an_empty_database(empty: str, tmp_path: Path) -> None:
    file = tmp_path / "backup"
    make_previous(empty)
    assert manage(empty, "backup", file)[0] == 0
    if empty.startswith("sqlite"):
        other = f"sqlite:///{tmp_path / 'another.sqlite3'}"
        assert manage(other, "restore", file)[0] == 0
        assert replay(other) == {1: "carol@example.com"}
        return
    execute(empty, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
    assert manage(empty, "restore", file)[0] == 0
    assert replay(empty) == {1: "carol@example.com"}


@pytest.mark.parametrize("kind", ["damaged", *SLOW])
def test_a_wrong_file_is_refused_before_anything_changes(
    empty: str, tmp_path: Path, kind: str
) -> None:
    make_previous(empty)
    prepare(empty)
    file = tmp_path / "backup"
    if kind == "newer":
        execute(empty, NEWER)
    manage(empty, "backup", file)
    if kind == "newer":
        execute(empty, "DELETE FROM django_migrations WHERE name = '9999_of_tomorrow'")
    whole = file.read_bytes()
    file.write_bytes(
        {
            "letter": b"This is a letter, and no backup.",
            "damaged": whole[:8192] + b"?" * 40_000 + whole[48_192:],
            "cut": whole[: len(whole) // 2],
        }.get(kind, whole)
    )
    if kind == "missing":
        file.unlink()
    execute(empty, "UPDATE users SET name = 'kept'")
    status, said = manage(empty, "restore", file)
    assert status == 1
    assert said.startswith("CommandError: ")
    assert len(said.splitlines()) == 1
    assert execute(empty, "SELECT name FROM users") == [("kept",)]


def test_another_applications_database_is_not_overwritten(empty: str, tmp_path: Path) -> None:
    file = tmp_path / "backup"
    make_previous(empty)
    assert manage(empty, "backup", file)[0] == 0
    if empty.startswith("sqlite"):
        other = f"sqlite:///{tmp_path / 'another.sqlite3'}"
    else:
        other = empty
        execute(empty, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
    execute(other, "CREATE TABLE orders (id integer)")
    assert manage(other, "restore", file) == (
        1,
        "CommandError: The database has tables of another application (orders)."
        " Point GATEWAY_DATABASE_URL at an empty database. Nothing was changed.\n",
    )


def test_a_missing_program_is_named(migrated: SQLite | PostgreSQL, tmp_path: Path) -> None:
    if isinstance(migrated, SQLite):
        pytest.skip("SQLite needs no program")
    status, said = manage(migrated.url, "backup", tmp_path / "backup", PATH=str(tmp_path))
    assert (status, [*tmp_path.iterdir()]) == (1, [])
    assert said == (
        "CommandError: pg_dump is not installed (Debian: apt-get install postgresql-client);"
        " install it, or see Backups in docs/upgrading.md for what to run on another machine.\n"
    )


@pytest.mark.slow
@pytest.mark.parametrize("count", [4, pytest.param(40, marks=pytest.mark.thorough)])
def test_a_killed_restore_changes_all_or_nothing(empty: str, tmp_path: Path, count: int) -> None:
    make_previous(empty)
    prepare(empty)
    file = tmp_path / "backup"
    assert manage(empty, "backup", file)[0] == 0
    later = "INSERT INTO users (name, email) VALUES ('Dave', 'dave@example.com')"
    execute(empty, later)
    changed = execute(empty, USERS)
    for run_number in range(count):
        command = ("python", "manage.py", "restore", file)
        with running(*command, env={"GATEWAY_DATABASE_URL": empty}) as process:
            # Kills fall anywhere in a run, which takes some two seconds.
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.3 + 3 * run_number / count)
            process.kill()
        wait_for_its_programs(empty)
        found = execute(empty, USERS)
        assert found in (changed, changed[:1])
        assert dict(found) == replay(empty)
        if found != changed:
            execute(empty, later)
            changed = execute(empty, USERS)
    assert manage(empty, "restore", file)[0] == 0
    assert execute(empty, USERS) == changed[:1]


def wait_for_its_programs(url: str) -> None:
    """Wait until psql, which outlives its killed parent for a moment, has committed or not."""
    if url.startswith("postgresql"):
        running = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'psql'"
        wait_until(lambda: not execute(url, running))
