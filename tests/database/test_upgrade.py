"""Upgrades of several gateways: the previous version works on the newest schema, and not inversely.

docs/upgrading.md says that `prepare` runs first, and that old and new gateways then serve together.
"""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.database.test_outage import assert_served, gateway_on
from tests.database.test_prepare import connect, empty, make_previous, prepare
from tests.wsgi.server import wait_until

__all__ = ["empty"]  # the fixture

STATEMENTS = Path(__file__).parent / "statements"
NOT_MIGRATED = "The database is not migrated; run: python manage.py prepare"


def test_the_previous_versions_statements_run_on_the_newest_schema(empty: str) -> None:
    prepare(empty)
    with closing(connect(empty)) as connection:
        is_sqlite = isinstance(connection, sqlite3.Connection)
        name = "sqlite" if is_sqlite else "postgresql"
        recorded = json.loads((STATEMENTS / f"{name}.json").read_text())
        assert len(recorded) > 30
        for statement, parameters in recorded:
            connection.execute(adapt(statement) if is_sqlite else statement, parameters or ())


def adapt(statement: str) -> str:
    """Do what Django does before it executes a statement on SQLite."""
    return statement.replace("%s", "?").replace("%%", "%")


def test_a_new_gateway_serves_once_the_database_is_migrated(empty: str) -> None:
    make_previous(empty)
    with gateway_on(empty) as (client, server):
        waiting = client.get("/health/ready")
        assert waiting.status_code == 503
        assert NOT_MIGRATED in waiting.text
        assert NOT_MIGRATED in server.output
        assert prepare(empty)[0] == 0
        wait_until(lambda: client.get("/health/ready").status_code == 200)
        assert_served(client)
