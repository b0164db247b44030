"""pg_dump, pg_restore and psql, called on the database of the settings."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from django.apps import apps
from django.core.management.base import CommandError
from django.db import connection
from django.db.backends.postgresql.client import DatabaseClient

from contract.events import CHANNEL, NUMBERING_TABLES
from contract.settings import get_settings
from django_app.schema import RECORDS, Migration, tables

END_OF_ROWS = "\\."

# A transaction that numbers events, or has changed users, must not wait for a table that is being
# dropped while this one waits for its other tables.
LOCKS = ["SELECT pg_advisory_xact_lock(7236411)", "LOCK TABLE users"]

# The archive's script has set the search path to nothing.
KEEP_EVENT_IDS = """
RESET search_path;
SELECT setval(name, greatest({}, pg_sequence_last_value(name)))
FROM CAST(pg_get_serial_sequence('user_events', 'id') AS regclass) AS name
"""


def dump(file: Path) -> None:
    """Write a custom-format archive, which pg_dump reads in one transaction.

    Raises:
        CommandError: pg_dump is missing, or fails.
    """
    call("pg_dump", "--format=custom", f"--lock-wait-timeout={_timeout()}", f"--file={file}")
    call("pg_restore", "--list", str(file))


def read_migrations(file: Path) -> set[Migration]:
    """Return the migrations in an archive.

    Raises:
        CommandError: pg_restore is missing, or cannot read the file.
    """
    options = ("--data-only", f"--table={RECORDS}", "--file=-", str(file))
    lines = iter(call("pg_restore", *options).splitlines())
    found = set()
    for line in lines:
        if line.startswith("COPY ") and RECORDS in line:
            columns = line[line.index("(") + 1 : line.index(")")].split(", ")
            app, name = columns.index("app"), columns.index("name")
            for row in iter(lines.__next__, END_OF_ROWS):
                values = row.split("\t")
                found.add((values[app], values[name]))
    return found


def restore(file: Path, used: int) -> None:
    """Replace this project's tables by those of an archive, in one transaction.

    Args:
        used: the largest id that an event has ever had; new events get others at once.

    Raises:
        CommandError: a program is missing or fails; nothing was changed.
    """
    with tempfile.NamedTemporaryFile(suffix=".sql") as script:
        # The whole script must be there before it runs: psql would commit one that is cut off.
        options = ("--clean", "--if-exists", "--no-owner", "--no-privileges")
        call("pg_restore", *options, f"--file={script.name}", str(file))
        call(
            "psql",
            *("--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"),
            *(f"--command={command}" for command in drop_statements()),
            f"--file={script.name}",
            *([f"--command={KEEP_EVENT_IDS.format(used)}"] if used else []),
            f"--command=NOTIFY {CHANNEL}",
        )


def drop_statements() -> list[str]:
    """Return statements that drop this project's tables, and the functions of their triggers.

    pg_restore drops only what the archive has, but a newer version may have added more. Without
    CASCADE, nothing of other applications is dropped: the statement fails instead.
    """
    models = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    own = sorted(tables() & {RECORDS, *NUMBERING_TABLES, *models})
    if not own:
        return []
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT tgfoid::regprocedure::text FROM pg_trigger"
            " WHERE NOT tgisinternal AND tgrelid = ANY(%s::regclass[])",
            [[quote(name) for name in own]],
        )
        functions = [name for (name,) in cursor.fetchall()]
    return [
        *(LOCKS if "users" in own else []),
        f"DROP TABLE {', '.join(map(quote, own))}",
        *(f"DROP FUNCTION {name}" for name in functions),
    ]


def call(program: str, *options: str) -> str:
    """Run a program of PostgreSQL's client; return its output.

    Raises:
        CommandError: it is not installed, or it fails.
    """
    path = shutil.which(program)
    if path is None:
        raise CommandError(
            f"{program} is not installed (Debian: apt-get install postgresql-client); install it,"
            " or see Backups in docs/upgrading.md for what to run on another machine."
        )
    result = subprocess.run(
        [path, *options], env=environment(), capture_output=True, text=True, errors="replace"
    )
    if result.returncode:
        lines = result.stderr.strip().splitlines() or [f"status {result.returncode}"]
        raise CommandError(f"{program} failed: {lines[0]}")
    return result.stdout


def environment() -> dict[str, str]:
    """Return the variables that lead PostgreSQL's programs to the database of the settings.

    Arguments would show the password to every account of the machine.
    """
    found = connection.settings_dict
    address = {name: str(found[name]) for name in ("HOST", "PORT", "USER", "NAME") if found[name]}
    if "NAME" in address:
        address["DATABASE"] = address.pop("NAME")
    # Django knows the other variables, for the password, services and TLS.
    _, others = DatabaseClient.settings_to_cmd_args_env(found, [])
    return {
        **os.environ,
        **{f"PG{name}": value for name, value in address.items()},
        **(others or {}),
        "PGOPTIONS": f"-c lock_timeout={_timeout()}",
    }


def _timeout() -> int:
    """Return how many milliseconds to wait for a lock."""
    return round(get_settings().database_timeout * 1000)
