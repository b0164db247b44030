"""Usual statements of scripts cause no deadlock with requests to the three frameworks."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2 as httpx
import pytest
from django.db import connection, transaction

from tests.conftest import FRAMEWORKS
from tests.databases import PostgreSQL, SQLite, free_port
from tests.servers import serve

MANY = 1000  # more than the rounds of one writer
SHARED = range(1, 9)  # users that all writers change


@pytest.fixture
def origin(database: SQLite | PostgreSQL) -> Iterator[str]:
    """A gateway in a process of its own, and the users that everybody changes."""
    from django_app.models import User

    User.objects.bulk_create(User(name="x", email=f"u{n}@example.com") for n in SHARED[2:])
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    with serve("gateway", "--port", port, origin=origin, path="/flask/api/hello"):
        yield origin


def lock_then_update(number: int) -> None:
    from django_app.models import User

    with transaction.atomic():
        user = User.objects.select_for_update().get(id=random.choice(SHARED))
        user.name = f"locked {number}"
        user.save()


def update_or_create(number: int) -> None:
    from django_app.models import User

    email = random.choice(["alice@example.com", "new@example.com", "u5@example.com"])
    User.objects.update_or_create(email=email, defaults={"name": f"made {number}"})


def bulk(number: int) -> None:
    from django_app.models import User

    with transaction.atomic():
        User.objects.bulk_create(
            User(name="bulk", email=f"bulk{number}.{n}@example.com") for n in range(5)
        )
        # In the order of the ids, as everybody must who locks several rows.
        locked = [*User.objects.select_for_update().filter(id__in=SHARED).order_by("id")]
        for user in locked:
            user.name = f"bulk {number}"
        User.objects.bulk_update(locked, ["name"])
        User.objects.filter(email__startswith=f"bulk{number}.").delete()


def repeated(way: Callable[[int], None], numbers: range) -> Counter[str]:
    """Repeat a way; return the errors."""
    errors: Counter[str] = Counter()
    try:
        for number in numbers:
            try:
                way(number)
            except Exception as error:  # whatever it is, the test shows it
                errors[f"{way.__name__}: {error!r}"] += 1
    finally:
        connection.close()
    return errors


def requests(origin: str, framework: str, numbers: range) -> Counter[str]:
    """Change, create and delete users by requests; return the unexpected answers."""
    errors: Counter[str] = Counter()
    with httpx.Client(base_url=f"{origin}/{framework}/api", timeout=60) as client:
        for number in numbers:
            email = f"{framework}{number}@example.com"
            user_id = random.choice(SHARED)
            created = client.post("/users", json={"name": "x", "email": email})
            answers = [
                (201, created),
                (200, client.patch(f"/users/{user_id}", json={"name": f"{framework} {number}"})),
                (204, client.delete(f"/users/{created.json().get('id')}")),
            ]
            errors.update(
                f"{framework}: {answer.status_code} {answer.text}"
                for status, answer in answers
                if answer.status_code != status
            )
    return errors


@pytest.mark.parametrize("rounds", [5, pytest.param(60, marks=pytest.mark.slow)])
def test_scripts_and_requests_do_not_deadlock(
    origin: str, database: SQLite | PostgreSQL, rounds: int
) -> None:
    if isinstance(database, SQLite) and rounds > 5:
        pytest.skip("SQLite has one lock, so no circle is possible")
    parts = [range(place * MANY, place * MANY + rounds) for place in range(6)]
    with ThreadPoolExecutor(16) as pool:
        running = [
            pool.submit(repeated, way, numbers)
            for way, numbers in zip(
                [lock_then_update, update_or_create, bulk] * 2, parts, strict=True
            )
        ]
        running += [
            pool.submit(requests, origin, framework, numbers)
            for framework, numbers in zip(FRAMEWORKS * 2, parts, strict=True)
        ]
        errors = sum((each.result() for each in running), Counter[str]())
    assert errors == {}
