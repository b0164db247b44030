"""Database addresses: Flask, FastAPI, Django and the reader of events get the same database."""

import asyncio
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from urllib.parse import quote

import httpx2 as httpx
import psycopg
import pytest
from django.db.utils import ConnectionHandler
from sqlalchemy import text

from contract.addresses import File, Server, parse_address
from contract.engines import create_asyncio_engine, create_sync_engine
from contract.settings import Settings, get_settings
from fastapi_app.wakeups import wakeups
from showdown.bench.postgresql import find_user
from tests.conftest import FRAMEWORKS
from tests.database.test_outage import READS, assert_unavailable, gateway_on, prepare, send
from tests.databases import PostgreSQL, SQLite, free_port
from tests.servers import ROOT, run

PASSWORD = "a b%#?/:@[ü]&="
USER = "we ird@%/:é"
DATABASE = "d b%#?/@ü"

ENCODE = "write special characters of the password as %XX (RFC 3986)"
REFUSED = [
    ("sqlite:///:memory:", "a database in memory cannot be shared"),
    ("sqlite:///%3Amemory%3A", "a database in memory cannot be shared"),
    ("sqlite:///", "a database in memory cannot be shared"),
    ("sqlite:///x?mode=memory", "parameters of SQLite are not supported"),
    ("sqlite:///a#b.sqlite3", "in a file name write %3F and %23"),
    ("sqlite:///a%b.sqlite3", "write a percent sign in a file name as %25"),
    ("sqlite:///file:x.sqlite3", "without file:"),
    ("sqlite:////var/lib/", "the URL names a directory"),
    ("sqlite+aiosqlite:///x.sqlite3", "write sqlite:/// without a driver"),
    ("postgresql+psycopg://host/name", "write postgresql:// without a driver"),
    ("mysql://host/name", "use sqlite:///file.sqlite3 or postgresql://"),
    ("postgresql://u:p@ss@host/name", ENCODE),
    ("postgresql://u:p/ss@host/name", ENCODE),
    ("postgresql://u:p#ss@host/name", ENCODE),
    ("postgresql://u:p?ss@host/name", ENCODE),
    ("postgresql://u:p%ss@host/name", ENCODE),
    ("postgresql://u:p ss@host/name", ENCODE),
    ("postgresql://u:[ss@host/name", ENCODE),
    ("postgresql://u:ss/name", ENCODE),
    ("postgresql://u:%00@host/name", ENCODE),
    ("postgresql://host", "the name of the database is missing"),
    ("postgresql://host/" + "x" * 64, "at most 63 bytes"),
    ("postgresql://host/name?currentSchema=app", "write options=-csearch_path%3DNAME"),
    ("postgresql://host/name?ssl=true", "write sslmode=require"),
    ("postgresql://host/name?application_name=x", "leave application_name out"),
    ("postgresql://host/name?connect_timeout=3", "set GATEWAY_DATABASE_TIMEOUT"),
    ("postgresql://host/name?pool_size=3", "only parameters of libpq"),
]


@pytest.mark.parametrize(("url", "reason"), REFUSED)
def test_a_form_that_cannot_be_kept_is_refused(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
        parse_address(url)
    assert reason in str(caught.value)
    assert "ss@" not in str(caught.value)


READ = [
    ("postgres://host/name", {"host": "host", "dbname": "name"}),
    (
        "postgresql://u:p%40%2F@[::1]:5/n%20m",
        {"user": "u", "password": "p@/", "host": "::1", "port": "5", "dbname": "n m"},
    ),
    ("postgresql://%2Fvar%2Frun/name", {"host": "/var/run", "dbname": "name"}),
    ("postgresql:///name?host=/var/run", {"host": "/var/run", "dbname": "name"}),
    ("postgresql://a:1,b/name", {"host": "a,b", "port": "1,", "dbname": "name"}),
    ("postgresql://?service=x", {"service": "x"}),
    (
        "postgresql://h/n?sslmode=require&options=-csearch_path=a,b%20-cjit=off",
        {"host": "h", "dbname": "n", "sslmode": "require"}
        | {"options": "-csearch_path=a,b -cjit=off"},
    ),
]


@pytest.mark.parametrize(("url", "parameters"), READ)
def test_a_postgresql_url_is_read_as_libpq_reads_it(url: str, parameters: dict[str, str]) -> None:
    assert parse_address(url) == Server(parameters)


def test_a_file_is_absolute_for_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = File(tmp_path / "a b#c?d%e.sqlite3")
    url = "sqlite:///a b%23c%3Fd%25e.sqlite3"
    assert parse_address(url) == file
    monkeypatch.chdir(ROOT)
    assert parse_address(url) == file
    assert parse_address(f"sqlite:///{tmp_path}/a%20b%23c%3Fd%25e.sqlite3") == file


@pytest.mark.parametrize("kind", ["absolute", "relative"])
def test_all_share_a_file_with_an_unusual_name(tmp_path: Path, kind: str) -> None:
    """One written by each is read by each, and the reader of events tells of all."""
    file = tmp_path / "a b#c?d%e ü.sqlite3"
    path = file if kind == "absolute" else Path(os.path.relpath(file, ROOT))
    url = f"sqlite:///{quote(str(path), safe='/ ')}"
    prepare(url)
    with gateway_on(url) as (client, _):
        for name in FRAMEWORKS:
            user = {"name": name, "email": f"{name}@example.com"}
            assert client.post(f"/{name}/api/users", json=user).status_code == 201
        assert {len(client.get(f"/{name}/api/users").json()) for name in FRAMEWORKS} == {5}
        with client.stream("GET", "/fastapi/api/users/events?after=0") as events:
            told = iter_names(events)
            assert {next(told) for _ in range(5)} == {"Alice", "Bob", *FRAMEWORKS}
            with sqlite3.connect(file) as script:
                script.create_function("framework", 0, lambda: "script")
                script.execute("UPDATE users SET name = 'Carol' WHERE id = 1")
            script.close()
            assert next(told) == "Carol"
    assert [*tmp_path.glob("*.sqlite3")] == [file]


def iter_names(events: httpx.Response) -> Iterator[str]:
    """Yield the name in each event of a stream."""
    for line in events.iter_lines():
        if line.startswith("data:"):
            yield line.partition('"name":"')[2].partition('"')[0]


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[PostgreSQL]:
    """A server with a Unix socket and a password, for unusual names."""
    if request.config.getoption("database") != "postgresql":
        pytest.skip("SQLite has no server")
    with tempfile.TemporaryDirectory(prefix="gateway-") as directory:
        server = PostgreSQL(Path(directory))
        sockets = Path(directory) / "s 1"
        sockets.mkdir()
        if (user := find_user()) is not None:
            shutil.chown(sockets, user)
        server.sockets = f"'{sockets}'"
        server.addresses = "127.0.0.1,::1"
        with server.serving():
            with psycopg.connect(server.url, autocommit=True) as connection:
                connection.execute(
                    psycopg.sql.SQL("CREATE ROLE {} SUPERUSER LOGIN PASSWORD {}").format(
                        psycopg.sql.Identifier(USER), PASSWORD
                    )
                )
                for name in (USER, DATABASE):
                    connection.execute(
                        psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name))
                    )
            access = server.directory / "pg_hba.conf"
            access.write_text("local all all trust\nhost all all all scram-sha-256\n")
            server.call("pg_ctl", "reload", "-D", server.directory)
            yield server


def encode(value: object) -> str:
    return quote(str(value), safe="")


FORMS = {
    "password": "{user}:{password}@127.0.0.1:{port}/{name}",
    "socket in the host": "gateway@{sockets}:{port}/{name}",
    "socket in the query": "gateway@/{name}?host={sockets}&port={port}",
    "IPv6": "{user}:{password}@[::1]:{port}/{name}",
    "several hosts": "{user}:{password}@127.0.0.1:{closed},127.0.0.1:{port}/{name}",
    "sslmode": "{user}:{password}@127.0.0.1:{port}/{name}?sslmode=disable",
    "options": "gateway@{sockets}:{port}/{name}?options=-csearch_path=other,public",
    "service": "?service=odd",
}


def seen_by_each(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Return the database, the user, the search path and the timeouts that each library sees."""
    query = text(
        "SELECT current_database(), current_user, current_setting('search_path'),"
        " current_setting('lock_timeout'), current_setting('statement_timeout')"
    )
    seen = {}
    engine = create_sync_engine(settings, "flask")
    with engine.connect() as connection:
        seen["flask"] = tuple(connection.execute(query).one())
    engine.dispose()

    async def ask() -> None:
        engine = create_asyncio_engine(settings, "fastapi")
        async with engine.connect() as connection:
            seen["fastapi"] = tuple((await connection.execute(query)).one())
        await engine.dispose()
        # It has reached a database, which has no tables.
        with pytest.raises(psycopg.errors.UndefinedFunction):
            async with aclosing(wakeups(settings)) as generator:
                await anext(generator)

    asyncio.run(ask())
    from django_app.connections import describe_database
    from django_app.project import set_up

    set_up()
    other = ConnectionHandler({"default": describe_database(settings)})["default"]
    with other.cursor() as cursor:
        cursor.execute(str(query))
        seen["django"] = cursor.fetchone()
    other.close()
    return seen


@pytest.mark.parametrize("form", FORMS)
def test_all_connect_to_the_same_database(
    server: PostgreSQL, form: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sockets = server.sockets.strip("'")
    parts = {"user": USER, "password": PASSWORD, "name": DATABASE, "sockets": sockets}
    parts |= {"port": str(server.port), "closed": str(free_port())}
    url = "postgresql://" + FORMS[form].format_map(
        {name: encode(value) for name, value in parts.items()}
    )
    services = tmp_path / "services"
    services.write_text(
        f"[odd]\nhost={sockets}\nport={server.port}\nuser=gateway\ndbname=postgres\n"
    )
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    settings = get_settings().model_copy(update={"database_url": url, "database_timeout": 7.0})
    path = "other,public" if form == "options" else '"$user", public'
    name = "postgres" if form == "service" else DATABASE
    expected = (name, USER if "{user}" in FORMS[form] else "gateway", path, "7s", "7s")
    assert seen_by_each(settings) == dict.fromkeys(FRAMEWORKS, expected)


def test_a_database_in_another_encoding_is_refused(migrated: SQLite | PostgreSQL) -> None:
    if isinstance(migrated, SQLite):
        pytest.skip("SQLite stores UTF-8")
    with psycopg.connect(migrated.url, autocommit=True) as connection:
        connection.execute(
            "CREATE DATABASE ascii ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0"
        )
    url = migrated.url.removesuffix("postgres") + "ascii"
    reason = (
        "The database cannot be used (the database ascii has the encoding SQL_ASCII;"
        " create one with ENCODING 'UTF8' TEMPLATE template0)"
    )
    refused = run("python", "manage.py", "prepare", env={"GATEWAY_DATABASE_URL": url})
    assert refused.returncode == 1
    assert reason in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    with gateway_on(url) as (client, server):
        assert reason in server.output
        assert client.get("/health/ready").status_code == 503
        assert_unavailable(client, READS)
        assert {answer.status_code for answer in send(client, READS)} == {503}
