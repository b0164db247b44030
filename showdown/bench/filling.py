"""Fill a prepared database with users, and log a member of staff in.

``python -m showdown.bench.filling 1000`` runs in the environment of the measured servers. It prints
how many users it has added, and in its last line a JSON document of ``databases.Contents``.
"""

import json
import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import islice
from typing import Any
from urllib.parse import quote

from showdown.bench.load import EMAIL_START

BATCH = 20_000  # users in one transaction
MANY = 1_000  # users for whom the indexes are built anew; never in somebody's own database
COLUMNS = "users (name, email)"
GIVEN = "Ada Boris Chidi Dolores Emeka Fatima Grace Hiro Ines Jorge Kemal Lena Mei Noor Olga Priya"
FAMILY = (
    "Abara Berg Castillo Dubois Eriksen Fujita Göktürk Haddad Ivanova Jensen Kowalski Larsen Moreau"
    " Nakamura Okafor Petrov Quispe Rossi Sharma Tanaka Usman Vargas Weber Xu Yilmaz Zhang"
)
# Nothing is lost but time if the machine fails meanwhile.
SQLITE_OPTIONS = (
    *("PRAGMA synchronous=OFF", "PRAGMA temp_store=MEMORY", "PRAGMA cache_size=-400000"),
)
INDEXING = ("index_new_user", "index_user")  # SQLite's triggers
POSTGRESQL_OPTIONS = ("SET synchronous_commit=off", "SET maintenance_work_mem='1GB'")


def people(start: str, count: int) -> Iterator[tuple[str, str]]:
    """Yield names, which repeat, and email addresses, which do not."""
    given, family = GIVEN.split(), FAMILY.split()
    for number in range(count):
        name = f"{given[number % len(given)]} {family[number // len(given) % len(family)]}"
        yield name, address(start, number)


def address(start: str, number: int) -> str:
    """Return an email address; all have the same length."""
    return f"{start}-{number:07}@example.com"


def add_users(start: str, count: int) -> None:
    """Add users in large transactions; their triggers run as for any other writer.

    If there are many, the index of searches is built afterwards, as a migration does it. That takes
    a tenth of the time of the triggers that keep it.
    """
    from django.db import connection

    is_sqlite = connection.vendor == "sqlite"
    options, add = (
        (SQLITE_OPTIONS, add_to_sqlite) if is_sqlite else (POSTGRESQL_OPTIONS, add_to_postgresql)
    )
    with connection.cursor() as cursor, without_index(cursor) if count >= MANY else nullcontext():
        add_in_batches(cursor, options, add, people(start, count))


@contextmanager
def without_index(cursor: Any) -> Iterator[None]:
    """Leave the index of searches alone in the block, and build it at the end."""
    from django.db import connection

    from django_app.migrations._search import index_users

    triggers: list[str] = []
    if connection.vendor == "sqlite":
        # INDEXING is a constant.
        cursor.execute(f"SELECT sql FROM sqlite_master WHERE name IN {INDEXING}")  # nosec B608
        triggers = [trigger for (trigger,) in cursor.fetchall()]
        for name in INDEXING:
            cursor.execute(f"DROP TRIGGER {name}")
    else:
        cursor.execute("DROP INDEX users_search")
    yield
    print("indexing users", flush=True)
    index_users(connection.schema_editor())
    for trigger in triggers:
        cursor.execute(trigger)


def add_in_batches(
    cursor: Any,
    options: Sequence[str],
    add: Callable[[Any, list[tuple[str, str]]], None],
    rows: Iterator[tuple[str, str]],
) -> None:
    """Add rows in one transaction after the other."""
    from django.db import transaction

    for option in options:
        cursor.execute(option)
    added = 0
    while batch := [*islice(rows, BATCH)]:
        with transaction.atomic():
            add(cursor, batch)
        added += len(batch)
        print(f"added {added:,} users", flush=True)


def add_to_sqlite(cursor: Any, batch: list[tuple[str, str]]) -> None:
    # COLUMNS is a constant.
    cursor.executemany(f"INSERT INTO {COLUMNS} VALUES (%s, %s)", batch)  # nosec B608


def add_to_postgresql(cursor: Any, batch: list[tuple[str, str]]) -> None:
    with cursor.copy(f"COPY {COLUMNS} FROM STDIN") as copy:
        for row in batch:
            copy.write_row(row)


def settle(count: int) -> None:
    """Give the events their numbers, carry the figures on, and leave no work for later."""
    from django.db import connection

    from django_app import figures
    from django_app.events import number_events

    print("numbering events", flush=True)
    number_events()
    figures.carry()
    if count < MANY:
        return
    print("tidying up", flush=True)
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        else:
            # Otherwise autovacuum would do the same during the measurements.
            cursor.execute("VACUUM (ANALYZE)")
            cursor.execute("CHECKPOINT")


def log_in(name: str) -> str:
    """Create an account for staff, which has no password, and return the cookie of its session."""
    from django.contrib import auth
    from django.contrib.sessions.backends.db import SessionStore

    account = auth.get_user_model().objects.create_superuser(name)
    session = SessionStore()
    session[auth.SESSION_KEY] = str(account.pk)
    session[auth.BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[auth.HASH_SESSION_KEY] = account.get_session_auth_hash()
    session.create()
    return f"sessionid={session.session_key}"


def fill(count: int) -> dict[str, object]:
    """Add users, and return what the workloads ask for."""
    from django_app.models import User

    start = EMAIL_START + secrets.token_hex(3)
    add_users(start, count)
    settle(count)
    middle = address(start, count // 2)
    mistyped = middle.replace("-0", "-00")  # each of its trigrams is in the index
    ids = [User.objects.get(email=email).pk for email in (address(start, 0), middle)]
    return {
        "user": ids[0],
        "middle": ids[1],
        "needle": quote(middle),
        "absent": quote(mistyped),
        "cookie": log_in(start),
    }


if __name__ == "__main__":
    from django_app.project import set_up

    set_up()
    print(json.dumps(fill(int(sys.argv[1]))))
