"""The faults of the soak: what happens, how, and how often among the others."""

import asyncio
import itertools
import os
import random
import resource
import signal
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psycopg

from tests.databases import PostgreSQL
from tests.soak.answers import GATEWAY
from tests.soak.ledger import merge
from tests.soak.processes import find
from tests.soak.traffic import DATABASE, WRITES

if TYPE_CHECKING:
    from tests.soak.trouble import Trouble

HELD = 5.0  # seconds that a lock, a transaction or a full disk lasts
BETWEEN = 2.0  # seconds from a backup to its restore
ATTEMPTS = 3  # of a restore, which other faults may prevent
MAX_FILE = 1000  # bytes
LONGEST_STEP = 15 * 60  # seconds by which a clock is wrong
SERVER, FILE = "postgresql", "sqlite"

Do = Callable[["Trouble"], Awaitable[None]]


class Fault(NamedTuple):
    """A fault.

    Attributes:
        share: how often it happens, compared with the others.
        lacking: what the requests lack meanwhile; None if no request may notice.
        only: the name of the database system that can have it; None for both.
    """

    name: str
    do: Do
    share: int
    lacking: str | None = DATABASE
    only: str | None = None


async def cut_next(trouble: "Trouble") -> None:
    """Cut one connection to the database, the next one in turn."""
    others = await trouble.data.query(CONNECTIONS)
    if others:
        (process,) = others[next(trouble.turns) % len(others)]
        await trouble.data.query("SELECT pg_terminate_backend(%s)", process)


async def cut_all(trouble: "Trouble") -> None:
    """Cut all connections to the database."""
    await trouble.data.query(
        f"SELECT pg_terminate_backend(pid) FROM ({CONNECTIONS}) AS others (pid)"
    )


async def restart_database(trouble: "Trouble") -> None:
    """Kill the database's server, and start it again."""
    assert isinstance(trouble.database, PostgreSQL)
    async with trouble.replacing_database:
        await asyncio.to_thread(trouble.database.stop)
        await asyncio.to_thread(trouble.database.start)


async def lock_users(trouble: "Trouble") -> None:
    """Hold the strongest lock on the users."""
    await hold(trouble, "LOCK TABLE users")


async def leave_open(trouble: "Trouble") -> None:
    """Change a user, and leave the transaction open."""
    await hold(trouble, "UPDATE users SET name = name WHERE id = 2")


async def lock_database(trouble: "Trouble") -> None:
    """Hold SQLite's lock for writing."""
    await hold(trouble, None)


async def read_on(trouble: "Trouble") -> None:
    """Hold a snapshot of SQLite, so that its log cannot be written back."""
    await hold(trouble, "SELECT count(*) FROM users", begin="BEGIN")


async def kill_serving(trouble: "Trouble") -> None:
    """Kill one of the processes that serve; the gateway starts another."""
    await kill(trouble, "serving")
    await trouble.wait_for_processes()


async def kill_gateway(trouble: "Trouble") -> None:
    """Kill the gateway; the service manager starts it again."""
    serving = {one.id for one in find(trouble.mark) if one.role == "serving"}
    await kill(trouble, "gateway")
    # Its processes serve until they notice, and must not be taken for those of the next gateway.
    await trouble.wait_for_processes(without=serving)


async def kill_worker(trouble: "Trouble") -> None:
    """Kill a worker; the gateway starts its own again, the service manager the other."""
    await kill(trouble, "worker")
    await trouble.wait_for_processes()


async def fill_disk(trouble: "Trouble") -> None:
    """Fill the disk of the exports."""
    filler = trouble.files / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    await asyncio.sleep(HELD)
    filler.unlink()


async def limit_files(trouble: "Trouble") -> None:
    """Let the workers write no file beyond some bytes, where no small disk can be had."""
    workers = [process.id for process in find(trouble.mark) if process.role == "worker"]
    for limit in (MAX_FILE, resource.RLIM_INFINITY):
        for worker in workers:
            with suppress(ProcessLookupError):
                resource.prlimit(worker, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        if limit == MAX_FILE:
            await asyncio.sleep(HELD)


async def step_clock(trouble: "Trouble") -> None:
    """Change the clock of a worker by minutes."""
    trouble.clock.write_text(f"{random.randint(-LONGEST_STEP, LONGEST_STEP):+d}")


async def restore(trouble: "Trouble") -> None:
    """Back up the database, go on for a while, and restore the backup."""
    ledger, backup = trouble.ledger, trouble.directory / "backup"
    async with trouble.replacing_database:
        with ledger.noting() as attempted:
            possible = {email: {*states} for email, states in ledger.possible.items()}
            if not await trouble.manage("backup", backup):
                return
        await asyncio.sleep(BETWEEN)
        async with trouble.gate.closed():
            for _ in range(ATTEMPTS):
                await trouble.note_events()
                with ledger.noting() as meanwhile:
                    if await trouble.manage("restore", backup):
                        ledger.restore(merge(possible, attempted), meanwhile)
                        with ledger.noting() as written:
                            stored = await trouble.data.users()
                        ledger.learn(stored, written)
                        return


async def hold(trouble: "Trouble", statement: str | None, begin: str = "BEGIN IMMEDIATE") -> None:
    """Execute a statement in a transaction, and roll it back after a while."""
    with suppress(psycopg.Error, sqlite3.OperationalError):  # another fault was faster
        if isinstance(trouble.database, PostgreSQL):
            async with await psycopg.AsyncConnection.connect(
                trouble.database.url, application_name="lock"
            ) as connection:
                await connection.execute(statement or "SELECT 1")
                await asyncio.sleep(HELD)
                await connection.rollback()
            return
        with trouble.data.open_sqlite() as file:
            # It may wait for the lock itself.
            await asyncio.to_thread(file.execute, begin if statement else "BEGIN EXCLUSIVE")
            if statement:
                file.execute(statement)
            await asyncio.sleep(HELD)
            file.execute("ROLLBACK")


async def kill(trouble: "Trouble", role: str) -> None:
    """Kill a process of a role, the next one in turn."""
    processes = await asyncio.to_thread(find, trouble.mark)
    if found := sorted(process.id for process in processes if process.role == role):
        with suppress(ProcessLookupError):
            os.kill(found[next(trouble.turns) % len(found)], signal.SIGKILL)


CONNECTIONS = (
    "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'"
    " AND application_name <> 'soak' ORDER BY backend_start"
)

FAULTS = [
    Fault("a connection cut, each in turn", cut_next, 8, only=SERVER),
    Fault("all connections cut", cut_all, 4, only=SERVER),
    Fault("database killed and restarted", restart_database, 2, only=SERVER),
    Fault("users locked for 5 s", lock_users, 1, only=SERVER),
    Fault("transaction open for 5 s", leave_open, 1, WRITES),
    Fault("database locked for 5 s", lock_database, 1, WRITES, only=FILE),
    Fault("snapshot held for 5 s", read_on, 4, lacking=None, only=FILE),
    Fault("serving process killed", kill_serving, 1, GATEWAY),
    Fault("gateway killed", kill_gateway, 1, GATEWAY),
    Fault("worker killed", kill_worker, 2, lacking=None),
    Fault("disk of exports full for 5 s", fill_disk, 2, lacking=None),
    Fault("files of workers limited for 5 s", limit_files, 2, lacking=None),
    Fault("clock of a worker stepped", step_clock, 6, lacking=None),
    Fault("backup restored", restore, 1),
]


def possible_faults(database: str, *, with_clock: bool, with_disk: bool) -> list[Fault]:
    """Return the faults that are possible here."""
    missing = [limit_files if with_disk else fill_disk, *([] if with_clock else [step_clock])]
    return [fault for fault in FAULTS if fault.only in (None, database) and fault.do not in missing]


def in_order(faults: Sequence[Fault]) -> Iterator[Fault]:
    """Yield each fault once, and then each as often as its share says, evenly mixed."""
    yield from faults
    due = dict.fromkeys(faults, 0)
    total = sum(fault.share for fault in faults)
    for _ in itertools.count():
        for fault in faults:
            due[fault] += fault.share
        chosen = max(faults, key=due.__getitem__)
        due[chosen] -= total
        yield chosen


def small_disk(directory: Path, size: str = "8m") -> list[str]:
    """Return the command that mounts a small disk, which only root may do."""
    return ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "soak", str(directory)]
