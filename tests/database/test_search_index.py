"""The index of searches: used, right after every kind of change, and made by the migrations."""

import random
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract import searching
from contract.folding import fold
from tests.conftest import Api
from tests.database.test_prepare import connect
from tests.databases import PostgreSQL, SQLite

# Few letters, so that needles are found; those of the statements' own languages are among them.
LETTERS = "aAbß%_'\"\\:*& İ\u017fOR😀\x01\ue000\ufffd\uffff\U0010ffff"


def matching(needle: str) -> list[int]:
    """Return the ids that a search must find, without the index."""
    from django_app.models import User

    rows = User.objects.values_list("id", "name", "email")
    return [id for id, name, email in rows if fold(needle) in fold(f"{name}\n{email}")]


def found(needle: str, after: int = 0, limit: int = 1000) -> list[int]:
    from django_app.models import User

    return [user.id for user in User.objects.search([needle], after, limit)]


def fill(names: list[str]) -> None:
    from django_app.models import User

    User.objects.bulk_create(
        User(name=name, email=f"u{number}@example.org") for number, name in enumerate(names)
    )


@pytest.fixture(params=[0, 3, 5000], ids=["index alone", "both", "usual"])
def near(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many users are read before the index."""
    monkeypatch.setattr(searching, "NEAR", request.param)


@pytest.mark.usefixtures("near")
def test_the_index_finds_what_a_look_at_all_users_finds(database: SQLite | PostgreSQL) -> None:
    chance = random.Random(7)
    fill(["".join(chance.choices(LETTERS, k=chance.randint(1, 12))) for _ in range(300)])

    @settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.text(LETTERS, min_size=1, max_size=5), st.integers(0, 300), st.integers(1, 20))
    def compare(needle: str, after: int, limit: int) -> None:
        expected = [number for number in matching(needle) if number > after]
        assert found(needle, after, limit) == expected[:limit]

    compare()


@pytest.mark.usefixtures("near")
def test_all_three_search_alike_page_by_page(apis: list[Api]) -> None:
    fill([f"Zoë {number}" for number in range(30)] + ["other"] * 30)
    for needle in ("ZOË", "ë", "oë", "Zoë 1", "u3@", "zz", "@", "g"):
        expected = matching(needle)
        for api in apis:
            ids: list[int] = []
            while True:
                query = {"search": needle, "limit": 7} | ({"after": ids[-1]} if ids else {})
                answer = api.get("/api/users", params=query)
                ids += [user["id"] for user in answer.json()]
                if "Link" not in answer.headers:
                    break
            assert ids == expected, (needle, api.framework)


def test_every_kind_of_change_is_indexed(
    database: SQLite | PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django_app.models import User

    monkeypatch.setattr(searching, "NEAR", 0)
    user = User.objects.create(name="Ursula", email="ursula@example.com", folded="anything")
    user.name = "Vera"
    user.save()  # also writes the column, with its old value
    statements = [
        "UPDATE users SET id = 50 WHERE name = 'Vera'",
        "INSERT INTO users (id, name, email) VALUES (60, 'Willi', 'w@example.com')"
        " ON CONFLICT (id) DO UPDATE SET name = 'Wilma'",
        "INSERT INTO users (id, name, email) VALUES (60, 'x', 'x@example.com')"
        " ON CONFLICT (id) DO UPDATE SET name = 'Wilma'",
        "UPDATE users SET email = 'carl@example.com' WHERE id = 1",
        "DELETE FROM users WHERE id = 2",
        "INSERT INTO users (id, name, email) VALUES (2, 'Bobby', 'bobby@example.com')",
        "UPDATE users SET name = 'n' || name WHERE id > 50",
    ]
    if connection.vendor == "sqlite":
        statements += [
            "REPLACE INTO users (id, name, email) VALUES (70, 'Quentin', 'bobby@example.com')",
            "REPLACE INTO users (id, name, email) VALUES (70, 'Quincy', 'q@example.com')",
            "INSERT OR IGNORE INTO users (id, name, email) VALUES (71, 'Igor', 'i@example.com')",
            "UPDATE OR IGNORE users SET name = 'Ignaz' WHERE id = 71",
            "INSERT INTO users (id, name, email, folded)"
            " VALUES (72, 'Right', 'r@example.com', 'right\nr@example.com')",
            "INSERT INTO user_search (user_search) VALUES ('integrity-check')",
        ]
    else:
        statements += ["TRUNCATE users", "INSERT INTO users (name, email) VALUES ('Anna', 'a@b.c')"]
    for statement in statements:
        with connection.cursor() as cursor:
            cursor.execute(statement)
        texts = "\n".join(f"{user.name}\n{user.email}" for user in User.objects.all())
        needles = {fold(text)[:length] for text in texts.split() for length in (1, 2, 3, 9)}
        for needle in {*needles, "urs", "vera", "will", "bob", "carl", "quen", "ign", "a@"}:
            assert found(needle) == matching(needle), (statement, needle)


PLANS = {
    "sqlite": ("EXPLAIN QUERY PLAN ", "VIRTUAL TABLE INDEX"),
    "postgresql": ("EXPLAIN ", "Bitmap Index Scan on users_search"),
}


@pytest.mark.usefixtures("database")
def test_a_search_reads_the_index_and_not_all_users() -> None:
    explain, used = PLANS[connection.vendor]
    if connection.vendor == "postgresql":
        # It reads a few users without an index.
        fill([f"user {number}" for number in range(3000)])
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE) users")
    for needle in ("nobody", "zq", "z", "___", "%", "οδος", "日本"):
        search = searching.Search.of(connection.vendor, [needle], 0, 101)
        with connection.cursor() as cursor:
            cursor.execute(explain + search.statement("%({})s".format), search.parameters())
            plan = "\n".join(str(row[-1]) for row in cursor.fetchall())
        assert used in plan
        # Others are read by their ids.
        assert "SCAN users" not in plan
        assert "Seq Scan on users" not in plan


@pytest.mark.usefixtures("database")
def test_postgresql_looks_for_the_rarest_trigrams() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite reads the trigrams in their order")
    fill([f"user {number:05}'\\" for number in range(3000)])
    needle = "user 01234'\\"
    search = searching.Search.of("postgresql", [needle], 0, 101)
    rarest = searching.POSTGRESQL_RAREST.format(
        terms="%(terms)s", quoted="%(quoted)s", rarest=searching.RAREST
    )
    with connection.cursor() as cursor:
        for statement, number in (("DELETE FROM pg_statistic", 10), ("VACUUM (ANALYZE) users", 6)):
            cursor.execute(statement)
            cursor.execute(f"SELECT CAST({rarest} AS tsquery)", search.parameters())
            chosen = cursor.fetchone()[0].split(" & ")
            assert len(chosen) == number
    assert "'123'" in chosen
    assert "'use'" not in chosen
    assert found(needle) == matching(needle)


def test_at_the_end_of_the_users_nothing_is_left_to_look_up(
    database: SQLite | PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    if isinstance(database, SQLite):
        pytest.skip("SQLite does not say which parts of a plan were executed")
    monkeypatch.setattr(searching, "NEAR", 10)
    fill([f"user {number}" for number in range(3000)])
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) users")
    for after, is_used in ((0, True), (2997, False)):
        search = searching.Search.of("postgresql", ["nobody"], after, 101)
        with connection.cursor() as cursor:
            explain = "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) "
            cursor.execute(explain + search.statement("%({})s".format), search.parameters())
            lines = [line for (line,) in cursor.fetchall() if "Scan on users_search" in line]
        assert [("never executed" not in line) for line in lines] == [is_used]


@pytest.fixture
def earlier(database: SQLite | PostgreSQL) -> Iterator[None]:
    """The database in the state before the migrations."""
    call_command("migrate", "django_app", "0012", verbosity=0)
    yield
    with suppress(DatabaseError):
        call_command("migrate", verbosity=0)


@pytest.mark.usefixtures("earlier")
def test_the_migrations_index_the_users_that_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    from django_app.migrations import _search

    monkeypatch.setattr(searching, "NEAR", 0)
    monkeypatch.setattr(_search, "PAGE", 3)
    with connection.cursor() as cursor:
        for number in range(1, 20):
            name = f"({number}, 'Ödön {number}', 'x{number}@example.com')"
            cursor.execute(
                f"INSERT INTO users (id, name, email) VALUES {name}"
                " ON CONFLICT (id) DO UPDATE SET name = excluded.name"
            )
    call_command("migrate", "django_app", "0013", verbosity=0)
    with connection.cursor() as cursor:
        # A user that another gateway adds meanwhile, and one that an earlier attempt has indexed.
        cursor.execute("INSERT INTO users (id, name, email) VALUES (30, 'new', 'new@example.com')")
        if connection.vendor == "sqlite":
            cursor.execute("INSERT INTO user_search (rowid, folded) VALUES (3, 'ödön 3')")
    call_command("migrate", verbosity=0)
    for needle in ("ÖDÖN", "ödön 7", "x1", "new", "ön", "7"):
        assert found(needle) == matching(needle) != []
    call_command("migrate", "django_app", "0013", verbosity=0)
    call_command("migrate", verbosity=0)
    assert found("ödön 7") == [7]


def test_a_killed_build_is_done_again(database: SQLite | PostgreSQL) -> None:
    if isinstance(database, SQLite):
        pytest.skip("SQLite's pages are transactions")
    from django_app.migrations import _search

    with closing(connect(database.url)) as other:
        other.autocommit = True
        other.execute("DROP INDEX users_search")
        other.execute("SET statement_timeout = 1")
        # As in a build that was cancelled: an index that is not valid.
        function = "CREATE INDEX CONCURRENTLY users_search ON users ((pg_sleep(1)::text))"
        with pytest.raises(Exception, match=r"cancel|timeout|IMMUTABLE"):
            other.execute(function)
    with connection.schema_editor(atomic=False) as editor:
        _search.build_indexes(editor)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = 'users_search'::regclass"
        )
        assert cursor.fetchone() == (True,)


def test_an_sqlite_without_trigrams_is_refused_with_a_clear_sentence() -> None:
    from django_app.migrations import _search

    class Editor:
        """An editor whose SQLite was built without FTS5."""

        class connection:
            vendor = "sqlite"

        def execute(self, *_: Any) -> None:
            raise DatabaseError("no such module: fts5")

    with pytest.raises(CommandError, match=r"cannot index searches \(no such module: fts5\)\. Use"):
        _search.create(Editor())  # type: ignore[arg-type]


def test_a_change_of_the_schema_by_another_program_fails_no_write(apis: list[Api]) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("SQLite reads the schema in each connection")
    for number, api in enumerate(apis):
        assert api.get("/api/users").status_code == 200
        with closing(connect(f"sqlite:///{connection.settings_dict['NAME']}")) as other:
            other.execute(f"CREATE TABLE of_another_version_{number} (id)")
            other.commit()
        user = {"name": "Dora", "email": f"dora@{api.framework}.example.com"}
        assert api.post("/api/users", json=user).status_code == 201
