"""What one framework writes, the other two can read at once."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from tests.conftest import FRAMEWORKS, Api, assert_problem

ALICE = {"id": 1, "name": "Alice", "email": "alice@example.com"}
BOB = {"id": 2, "name": "Bob", "email": "bob@example.com"}
ZOE = {"name": "Zoë 🦊", "email": "zoe@example.com"}


@pytest.fixture(params=permutations(FRAMEWORKS, 2), ids=" to ".join)
def pair(request: pytest.FixtureRequest, apis: list[Api]) -> tuple[Api, Api]:
    """A writer and a reader."""
    writer, reader = request.param
    by_name = {api.framework: api for api in apis}
    return by_name[writer], by_name[reader]


def test_a_created_user_can_be_read_in_another_framework(pair: tuple[Api, Api]) -> None:
    writer, reader = pair
    created = writer.post("/api/users", json=ZOE)
    assert created.status_code == 201
    assert reader.get("/api/users/3").content == created.content
    assert reader.get("/api/users").json() == [ALICE, BOB, {"id": 3, **ZOE}]
    assert reader.get("/api/users?search=ZOË").json() == [{"id": 3, **ZOE}]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_changed_user_can_be_read_in_another_framework(
    pair: tuple[Api, Api], method: str
) -> None:
    writer, reader = pair
    assert reader.get("/api/users/1").json() == ALICE
    changed = writer(method, "/api/users/1", json=ZOE)
    assert changed.status_code == 200
    assert reader.get("/api/users/1").content == changed.content
    assert reader.get("/api/users").json() == [{"id": 1, **ZOE}, BOB]


def test_a_deleted_user_is_gone_in_another_framework(pair: tuple[Api, Api]) -> None:
    writer, reader = pair
    assert writer("DELETE", "/api/users/1").status_code == 204
    assert_problem(reader.get("/api/users/1"), 404)
    assert reader.get("/api/users").json() == [BOB]
    assert_problem(reader("DELETE", "/api/users/1"), 404)


def test_an_email_taken_in_one_framework_is_taken_in_another(pair: tuple[Api, Api]) -> None:
    writer, reader = pair
    writer.post("/api/users", json=ZOE)
    assert_problem(reader.post("/api/users", json=ZOE), 409)
    writer("DELETE", "/api/users/3")
    assert reader.post("/api/users", json=ZOE).status_code == 201


def test_the_id_of_a_deleted_user_is_not_reused(pair: tuple[Api, Api]) -> None:
    writer, other = pair
    writer.post("/api/users", json=ZOE)
    writer("DELETE", "/api/users/3")
    assert other.post("/api/users", json=ZOE).json() == {"id": 4, **ZOE}


def test_a_user_saved_by_the_admin_can_be_read_in_every_framework(apis: list[Api]) -> None:
    from django_app.models import User

    user = User(name=" Carol ", email="Carol@Example.com")
    user.full_clean()  # what the admin's form does before it saves
    user.save()
    carol = {"id": 3, "name": "Carol", "email": "carol@example.com"}
    assert [api.get("/api/users/3").json() for api in apis] == [carol] * 3
    User.objects.filter(id=3).update(name="Caroline")
    assert [api.get("/api/users/3").json()["name"] for api in apis] == ["Caroline"] * 3


def test_every_framework_returns_the_creation_time_from_the_database(apis: list[Api]) -> None:
    from django_app.models import User

    before = datetime.now(UTC) - timedelta(milliseconds=1)  # SQLite's rounding
    for number, api in enumerate(apis):
        api.post("/api/users", json={"name": "x", "email": f"x{number}@example.com"})
    User.objects.create(name="x", email="orm@example.com")
    after = datetime.now(UTC)
    times = list(User.objects.filter(name="x").order_by("id").values_list("created_at", flat=True))
    assert len(times) == 4
    assert [time.utcoffset() for time in times] == [timedelta(0)] * 4
    assert before <= times[0]
    assert times == sorted(times)
    assert times[-1] <= after


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_change_keeps_the_creation_time(api: Api, method: str) -> None:
    from django_app.models import User

    long_ago = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)
    User.objects.filter(id=1).update(created_at=long_ago)
    api(method, "/api/users/1", json=ZOE)
    assert User.objects.get(id=1).created_at == long_ago
