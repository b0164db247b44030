"""Kill ``prepare`` before each of its statements and lines, and run it again.

``python -m tests.database.killing COUNT LAST`` replaces the database of the settings, and prints a
JSON object for each place. It forks, because starting Django takes longer than ``prepare``. This
program has no other threads.
"""

import io
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings

from contract.settings import get_settings
from django_app.project import set_up


def main() -> None:
    """Kill the command at COUNT places, spread evenly, and at each of the last LAST places."""
    count, last = int(sys.argv[1]), int(sys.argv[2])
    set_up()
    # The usual hashes are slow by design.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    reset()
    total = int(fork(partial(prepare, None, count=True))[1].split()[-1])
    for place in sorted({*range(0, total, -(-total // count)), *range(total - last, total)}):
        reset()
        killed, first = fork(partial(prepare, place))
        again, second = fork(partial(prepare, None))
        assert killed
        assert not again
        _, found = fork(partial(describe, first + second))
        print(json.dumps({"place": place, "found": json.loads(found)}), flush=True)


def reset() -> None:
    """Make the database what it was before: a copy of a template, or empty."""
    url = get_settings().database_url
    if url.startswith("sqlite"):
        file = Path(url.removeprefix("sqlite:///"))
        template = file.with_name(f"template-of-{file.name}")
        for end in ("", "-wal", "-shm"):
            file.with_name(file.name + end).unlink(missing_ok=True)
        if template.exists():
            file.write_bytes(template.read_bytes())
        return
    server, _, name = url.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        known = connection.execute("SELECT datname FROM pg_database").fetchall()
        template_name = f"template_of_{name}" if (f"template_of_{name}",) in known else "template1"
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template_name}")


def fork(function: Callable[[], None]) -> tuple[bool, str]:
    """Run a function in a child process; return whether SIGKILL ended it, and its output."""
    with tempfile.TemporaryFile() as file:
        child = os.fork()
        if child == 0:
            os.dup2(file.fileno(), 1)
            function()
            sys.stdout.flush()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert status in (0, signal.SIGKILL), status
        file.seek(0)
        return status == signal.SIGKILL, file.read().decode()


def prepare(place: int | None, *, count: bool = False) -> None:
    """Run the command; if a place is given, end there without any clean-up.

    Args:
        place: a number of statements, lines and flushes.
        count: print the number of all places.
    """
    from django.core.management import call_command
    from django.db import connection

    passed = 0

    def kill_at_the_place(*_: object) -> None:
        nonlocal passed
        if passed == place:
            os.kill(os.getpid(), signal.SIGKILL)
        passed += 1

    class Output(io.TextIOBase):
        def write(self, text: str, /) -> int:
            kill_at_the_place()
            return sys.stdout.write(text)

        def flush(self) -> None:
            sys.stdout.flush()
            kill_at_the_place()

    def execute(run: Callable[..., Any], *arguments: Any) -> Any:
        kill_at_the_place()
        return run(*arguments)

    with connection.execute_wrapper(execute):
        call_command("prepare", stdout=Output())
    if count:
        print(passed)


def describe(output: str) -> None:
    """Print what ``prepare`` must leave exactly once, and whether its last password is right."""
    from django.contrib.auth.models import Permission
    from django.contrib.auth.models import User as Account
    from django.db.migrations.recorder import MigrationRecorder

    from django_app.database import find_fault
    from django_app.models import User

    words = output.split()
    password = words[len(words) - words[::-1].index("password")] if "password" in words else ""
    accounts = Account.objects.filter(is_superuser=True)
    counts = {
        "fault": find_fault(),
        "users": [*User.objects.values_list("name", flat=True)],
        "accounts": [account.username for account in accounts],
        "known": [account.check_password(password) for account in accounts],
        "migrations": sorted(map(str, MigrationRecorder.Migration.objects.values_list("name"))),
        "permissions": Permission.objects.count(),
    }
    print(json.dumps(counts))


if __name__ == "__main__":
    main()
