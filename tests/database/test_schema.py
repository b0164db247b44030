"""The shared SQLAlchemy Table matches what Django's migrations created."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from sqlalchemy import Inspector, inspect

from contract.engines import create_sync_engine
from contract.settings import get_settings
from contract.table import users
from tests.databases import PostgreSQL, SQLite

NOW = {"sqlite": "STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW')", "postgresql": "statement_timestamp()"}


@pytest.fixture
def inspector(migrated: SQLite | PostgreSQL) -> Iterator[Inspector]:
    engine = create_sync_engine(get_settings(), "tests")
    yield inspect(engine)
    engine.dispose()


def columns(inspector: Inspector) -> dict[str, Any]:
    """Return the columns as the database describes them."""
    return {column["name"]: column for column in inspector.get_columns(users.name)}


def test_the_columns_are_those_of_the_migrations_in_their_order(inspector: Inspector) -> None:
    assert list(columns(inspector)) == list(users.c.keys())


@pytest.mark.parametrize("name", users.c.keys())
def test_a_column_has_the_type_of_the_migrations(inspector: Inspector, name: str) -> None:
    dialect = inspector.dialect
    made = columns(inspector)[name]["type"].compile(dialect)
    assert users.c[name].type.compile(dialect) == made


@pytest.mark.parametrize("name", users.c.keys())
def test_a_column_is_nullable_if_the_migrations_say_so(inspector: Inspector, name: str) -> None:
    assert users.c[name].nullable == columns(inspector)[name]["nullable"]


def test_the_lengths_are_those_of_the_schemas(inspector: Inspector) -> None:
    made = columns(inspector)
    assert (made["name"]["type"].length, made["email"]["type"].length) == (100, 254)


def test_the_primary_key_is_the_one_of_the_migrations(inspector: Inspector) -> None:
    made = inspector.get_pk_constraint(users.name)["constrained_columns"]
    assert list(users.primary_key.columns.keys()) == made == ["id"]


def test_only_the_email_is_unique(inspector: Inspector) -> None:
    made = inspector.get_indexes(users.name, include_auto_indexes=True)  # SQLite: auto indexes
    assert [index["column_names"] for index in made if index["unique"]] == [["email"]]
    assert [name for name, column in users.c.items() if column.unique] == ["email"]


def test_the_database_fills_in_what_no_request_contains(inspector: Inspector) -> None:
    made = columns(inspector)
    assert made["created_at"]["default"] == NOW[inspector.dialect.name]
    filled = [name for name, column in users.c.items() if column.server_default]
    assert filled == ["created_at", "folded"]
    assert [name for name in ("name", "email") if made[name]["default"]] == []


def test_ids_are_positive(inspector: Inspector) -> None:
    (made,) = inspector.get_check_constraints(users.name)
    assert made["name"] == "users_id_positive"


def test_no_migration_is_missing(
    migrated: SQLite | PostgreSQL, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("makemigrations", check=True, dry_run=True)
    assert capsys.readouterr().out == "No changes detected\n"
