"""The schema of the database: whether this version may change it, and its migrations."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from contract.settings import get_settings

Migration = tuple[str, str]  # the label of the app and the name

OWN_APP, RECORDS = "django_app", "django_migrations"
SHOWN = 3  # names in a message


def find_foreign(tables: set[str], applied: set[Migration]) -> str | None:
    """Return why a database is another application's; None if it is this project's, or empty.

    Args:
        tables: all tables of the schema.
        applied: the migrations that its table ``django_migrations`` names.
    """
    if not applied:
        if others := tables - {RECORDS}:
            return f"The database has tables of another application ({few(others)})."
        return None
    labels = {app for app, _ in applied}
    foreign = labels - {app for app, _ in known_migrations()}
    if foreign or OWN_APP not in labels:
        return (
            "The database belongs to another application"
            f" (it has migrations of {few(foreign or labels)})."
        )
    return None


def find_newer(applied: set[Migration]) -> str | None:
    """Return which applied migrations this version does not know; None if it knows all."""
    if unknown := applied - known_migrations():
        return (
            "The database is newer than this version, which does not know the migrations"
            f" {few('.'.join(migration) for migration in unknown)}."
        )
    return None


def few(names: Iterable[str]) -> str:
    """Return the first names, and how many more there are."""
    ordered = sorted(names)
    more = f" and {len(ordered) - SHOWN} more" if len(ordered) > SHOWN else ""
    return ", ".join(ordered[:SHOWN]) + more


def known_migrations() -> set[Migration]:
    """Return the migrations of all installed apps, and those that they replace."""
    migrations = MigrationLoader(None).disk_migrations
    replaced = {name for migration in migrations.values() for name in migration.replaces}
    return {*migrations, *replaced}


def applied_migrations() -> set[Migration]:
    """Return the migrations that are applied to the database."""
    return {*MigrationRecorder(connection).applied_migrations()}


def tables() -> set[str]:
    """Return the tables of the schema."""
    return {*connection.introspection.table_names()}


def refuse_foreign(applied: set[Migration]) -> None:
    """Refuse to change a database of another application.

    Raises:
        CommandError: the database is another application's.
    """
    if fault := find_foreign(tables(), applied):
        raise CommandError(
            f"{fault} Point GATEWAY_DATABASE_URL at an empty database. Nothing was changed."
        )


def refuse_newer(applied: set[Migration]) -> None:
    """Refuse to change a database of a newer version.

    Raises:
        CommandError: the database is newer.
    """
    if fault := find_newer(applied):
        raise CommandError(f"{fault} Update the checkout. Nothing was changed.")


@contextmanager
def one_transaction() -> Iterator[None]:
    """Commit all or nothing, statements that change the schema included.

    SQLite changes tables only while it does not check foreign keys, and that cannot be switched
    within a transaction. Each migration checks them at its end.
    """
    with connection.constraint_checks_disabled(), transaction.atomic():
        yield


def bound_waits() -> None:
    """Let PostgreSQL wait only a limited time for locks, but let long statements run.

    A statement that waits for a table also holds up all requests that need the table.
    """
    if connection.vendor == "postgresql":
        milliseconds = round(get_settings().database_timeout * 1000)
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", [f"{milliseconds}ms"])
            cursor.execute("SET statement_timeout = 0")


def migrate_each() -> list[str]:
    """Apply what is missing; return the names.

    Each migration and its row in ``django_migrations`` are one transaction. Django writes the row
    of some migrations after their transaction. If the process is killed in between, Django can no
    longer migrate the database.
    """
    executor = MigrationExecutor(connection)
    names = []
    for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes()):
        # Some statements of PostgreSQL run in no transaction, such as CREATE INDEX CONCURRENTLY.
        if migration.atomic:
            with one_transaction():
                apply(migration.app_label, migration.name)
        else:
            apply(migration.app_label, migration.name)
        names.append(f"{migration.app_label}.{migration.name}")
    with one_transaction():
        apply()  # what follows all migrations, such as new permissions
    return names


def apply(*target: str) -> None:
    """Migrate to a migration, or to the newest ones."""
    call_command("migrate", *target, verbosity=0, interactive=False)
