"""How Django connects to the shared database."""

from typing import Any

from contract.addresses import File, parse_address
from contract.postgresql import connection_parameters
from contract.settings import Settings
from contract.sqlite import ClosingConnection

# libpq's names of the parameters that Django's settings have names for. `manage.py dbshell` looks
# for them nowhere else.
NAMES = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}


def describe_database(settings: Settings, *, is_command: bool = False) -> dict[str, Any]:
    """Return Django's settings of the database.

    Args:
        is_command: statements may take as long as they need, as in `migrate` and `dumpdata`. The
            locks that they wait for may not.
    """
    address, timeout = parse_address(settings.database_url), settings.database_timeout
    # Each thread of the mount keeps one connection open. Django could use psycopg's pool instead,
    # but that pool waits for its whole timeout when no server listens, and then reconnects at
    # growing intervals: it can take minutes to notice that a server is back.
    kept = {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True}
    if isinstance(address, File):
        options = {
            "init_command": "PRAGMA journal_mode=WAL",
            "timeout": timeout,
            "factory": ClosingConnection,
            # A transaction that turns from reading to writing can fail with "database is locked".
            "transaction_mode": "IMMEDIATE",
        }
        name = str(address.path)
        return {**kept, "ENGINE": "django.db.backends.sqlite3", "NAME": name, "OPTIONS": options}
    options = connection_parameters(
        address, "django", timeout, statement_timeout=0 if is_command else None
    )
    named = {name: options.pop(key, "") for name, key in NAMES.items()}
    return {**kept, "ENGINE": "django_app.postgresql", **named, "OPTIONS": options}
