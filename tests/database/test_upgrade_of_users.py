"""The migrations of users on tables that have rows: ids below 1, names of all kinds, and back."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, transaction

from contract.folding import fold
from tests.conftest import Api
from tests.databases import PostgreSQL, SQLite

NAMES = {-7: "Σίσυφος", 0: "Straße", 5: "İstanbul", 9: "Nine"}


@pytest.fixture
def earlier(database: SQLite | PostgreSQL) -> Iterator[None]:
    """The database in the state before the migrations."""
    call_command("migrate", "django_app", "0008", verbosity=0)
    yield
    with suppress(DatabaseError):
        call_command("migrate", verbosity=0)


def insert(user_id: int, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO users (id, name, email, created_at) VALUES (%s, %s, %s, '2026-01-01')",
            [user_id, name, f"u{user_id}@example.com"],
        )


@pytest.mark.usefixtures("earlier")
@pytest.mark.slow
def test_users_keep_their_data_and_get_ids_and_folded_names() -> None:
    from django_app.models import User, UserEvent

    for user_id, name in NAMES.items():
        insert(user_id, name)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT setval(pg_get_serial_sequence('users', 'id'), 9)")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM users WHERE id = 9")
    events = UserEvent.objects.count()
    call_command("migrate", verbosity=0)

    found = {user.email: user for user in User.objects.all()}
    # The id of the deleted user is not given again.
    assert {user.id for user in found.values()} == {1, 2, 5, 10, 11}
    for user in found.values():
        assert user.folded == fold(f"{user.name}\n{user.email}")
    assert found["u0@example.com"].name == "Straße"
    assert found["u-7@example.com"].name == "Σίσυφος"
    # One event for each user with a new id, and none for the folded names.
    assert UserEvent.objects.count() == events + 2
    assert User.objects.create(name="next", email="next@example.com").id == 12
    insert(50, "explicit")
    assert User.objects.get(id=50).folded == "explicit\nu50@example.com"


@pytest.mark.usefixtures("earlier")
@pytest.mark.slow
def test_an_interrupted_migration_of_the_names_continues() -> None:
    from django_app.models import User

    insert(5, "Straße")
    insert(6, "ÀÉ")
    call_command("migrate", "django_app", "0009", verbosity=0)
    User.objects.filter(id=5).update(name="STRASSE")
    call_command("migrate", verbosity=0)
    call_command("migrate", "django_app", "0009", verbosity=0)
    call_command("migrate", verbosity=0)
    folded = User.objects.filter(id__gte=5).values_list("folded", flat=True)
    assert [*folded] == ["strasse\nu5@example.com", "àé\nu6@example.com"]


@pytest.mark.parametrize("user_id", [0, -1, -(2**63)])
def test_the_database_refuses_ids_below_one(api: Api, user_id: int) -> None:
    from django_app.models import User

    with pytest.raises(IntegrityError), transaction.atomic():
        insert(user_id, "x")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(id=1).update(id=user_id)
    assert [user["id"] for user in api.get("/api/users").json()] == [1, 2]
