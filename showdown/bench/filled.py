"""Databases with different numbers of users; each is filled once, for all cases and rounds."""

import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event

import click
import psycopg

from showdown.bench.databases import Contents, describe_postgresql, fill
from showdown.bench.postgresql import Cluster

SYSTEMS = ("sqlite", "postgresql")
# Durable: a commit waits until its data is on the disk. Each gateway has three pools.
OPTIONS = "-c max_connections=500 -c shared_buffers=512MB -c max_wal_size=4GB"


def server_name(system: str, users: int) -> str:
    """Return the name of the server whose database has a number of users."""
    return f"{system}-{users}"


@dataclass
class Filled:
    """A database for each server.

    Attributes:
        urls, contents: by the name of the server.
    """

    version: str = f"SQLite {sqlite3.sqlite_version}"
    urls: dict[str, str] = field(default_factory=dict)
    contents: dict[str, Contents] = field(default_factory=dict)

    def url_for(self, name: str) -> str:
        return self.urls[name]

    def contents_for(self, name: str) -> Contents:
        return self.contents[name]


@contextmanager
def filled(
    systems: Sequence[str], sizes: Sequence[int], notify: Callable[[str], None]
) -> Iterator[tuple[Filled, Path]]:
    """Provide a database of each system and size, and a directory; delete both at the end.

    PostgreSQL is a new server, which waits for the disk at each commit.
    """
    # Both systems at once: each uses one core.
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as name, ExitStack() as stack:
        directory, found = Path(name), Filled()
        for system in systems:
            found.urls |= stack.enter_context(ADDRESSES[system](directory, sizes, found))
        stopping = Event()
        with ThreadPoolExecutor(len(systems)) as pool, ExitStack() as ending:
            ending.callback(stopping.set)  # also after Ctrl-C, which only this thread gets
            list(pool.map(partial(fill_all, found, sizes, notify, stopping), systems))
        yield found, directory


def fill_all(
    found: Filled,
    sizes: Sequence[int],
    notify: Callable[[str], None],
    stopping: Event,
    system: str,
) -> None:
    """Fill the databases of one system, one after the other."""
    for users in sizes:
        name = server_name(system, users)

        def say(line: str, name: str = name) -> None:
            if stopping.is_set():
                raise click.Abort
            notify(f"{name}: {line}")

        found.contents[name] = fill(found.urls[name], users, say)


@contextmanager
def sqlite_files(directory: Path, sizes: Sequence[int], _found: Filled) -> Iterator[dict[str, str]]:
    """Yield the URL of a file for each size."""
    names = [server_name("sqlite", users) for users in sizes]
    yield {name: f"sqlite:///{directory / name}.sqlite3" for name in names}


@contextmanager
def postgresql_databases(
    directory: Path, sizes: Sequence[int], found: Filled
) -> Iterator[dict[str, str]]:
    """Yield the URL of a database for each size, on a server of their own."""
    cluster = Cluster(directory / "postgresql", OPTIONS)
    with cluster.serving():
        names = [server_name("postgresql", users) for users in sizes]
        with psycopg.connect(cluster.url, autocommit=True) as connection:
            found.version += f", {describe_postgresql(connection)} with {OPTIONS}"
            for name in names:
                connection.execute(f'CREATE DATABASE "{name}"'.encode())
        yield {name: cluster.url.replace("/postgres", f"/{name}") for name in names}


ADDRESSES = {"sqlite": sqlite_files, "postgresql": postgresql_databases}
