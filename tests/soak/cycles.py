"""The soak: cycles in which everything goes wrong at once, each followed by a rest."""

import asyncio
import re
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median

import httpx2 as httpx
import psycopg

from tests.conftest import FRAMEWORKS
from tests.databases import NUMBER_EVENTS, PostgreSQL
from tests.servers import Server
from tests.soak.answers import Answers, Request
from tests.soak.ledger import Ledger
from tests.soak.listeners import EventSource, Listener, WebSocket
from tests.soak.measures import Sample, count_working
from tests.soak.rude import RudeClients
from tests.soak.traffic import DATABASE, PAUSE, READS, Traffic, coming
from tests.usage import open_connections

DOWN = 0.5  # seconds without the database
SOON = 20.0  # seconds until everything must answer again and connections must be closed
# The last line of a traceback; in an exception group, it is indented.
TRACEBACK = re.compile(r"^([ |]*)Traceback .*\n(?:\1 .*\n)*\1(\S.*)", re.MULTILINE)
WAIT = Request("/api/wait?ms=2200")
PROBE = Request("/api/users/1", needs=(DATABASE,))


@dataclass(frozen=True)
class Plan:
    """The lengths of the parts, in seconds.

    Attributes:
        length: of all cycles after the warm-up cycle; at least one runs.
        quiet: with only the measuring requests, before a mount is stuck; 0: nothing is measured.
        storm: with all clients, before and after everything goes wrong at once.
    """

    length: float
    quiet: float
    storm: float


class Soak:
    """One gateway under mixed traffic, and everything recorded about it.

    Args:
        server: the gateway's process.
        waits: the requests that saturate a mount, by its name.

    Attributes:
        ratios: a healthy mount's median latency while another is stuck, divided by its quiet
            median, by both mounts; one for each cycle.
        restarts: of the database.
        events, stored: ids of events, and names by email address, as stored in the database.
        log: the gateway's output.
    """

    def __init__(
        self, server: Server, port: int, database: PostgreSQL, waits: dict[str, int], plan: Plan
    ) -> None:
        self.server = server
        self.port = port
        self.origin = f"http://127.0.0.1:{port}"
        self.database = database
        self.waits = waits
        self.plan = plan
        self.began = time.monotonic()
        self.ledger = Ledger()
        self.answers = Answers()
        self.rude = RudeClients(port, self.ledger)
        self.ratios: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
        self.listeners: list[Listener] = [EventSource(self.origin), WebSocket(self.origin)]
        self.samples: list[Sample] = []
        self.restarts = 0
        self.events: list[int] = []
        self.stored: dict[str, str] = {}
        self.log = ""

    @property
    def errors(self) -> list[str]:
        """The tracebacks in the gateway's log: the last line of each."""
        return [line for _, line in TRACEBACK.findall(self.log)]

    async def run(self) -> None:
        """Warm up, run cycles for the planned time, and read the final state."""
        await self.cycle("fastapi")
        self.ratios.clear()  # the gateway is not warm yet
        end = time.monotonic() + self.plan.length
        while len(self.samples) < 2 or time.monotonic() < end:
            await self.cycle(FRAMEWORKS[(len(self.samples) - 1) % 3])
        await self.settle()

    async def cycle(self, stuck: str) -> None:
        """Measure what a stuck mount costs the others, run all clients, and rest."""
        if self.plan.quiet:
            await self.compare(stuck)
        async with self.traffic() as traffic, asyncio.TaskGroup() as group:
            listening = [group.create_task(listener.listen()) for listener in self.listeners]
            async with coming(*traffic.clients(), *self.rude.clients()):
                await asyncio.sleep(self.plan.storm)
                await asyncio.gather(self.stick(traffic, stuck), self.restart_database(traffic))
                await asyncio.sleep(self.plan.storm)
            for task in listening:
                task.cancel()
        await self.rest()

    async def compare(self, stuck: str) -> None:
        """Measure the latencies of mounts in quiet, and while another mount is stuck."""
        healthy = [mount for mount in FRAMEWORKS if mount != stuck]
        async with self.traffic() as traffic:
            end = time.monotonic() + self.plan.quiet
            quiet = await self.probe(traffic, healthy, lambda: time.monotonic() > end)
            sticking = asyncio.create_task(self.stick(traffic, stuck))
            stuck_times = await self.probe(traffic, healthy, sticking.done)
            await sticking
        for mount in healthy:
            self.ratios[stuck, mount].append(median(stuck_times[mount]) / median(quiet[mount]))

    @asynccontextmanager
    async def traffic(self) -> AsyncIterator[Traffic]:
        """Run the polite clients, and close their connections at the end."""
        # Clients drop idle connections before the server does, so no request meets a closing one.
        limits = httpx.Limits(max_connections=None, keepalive_expiry=2)
        async with httpx.AsyncClient(base_url=self.origin, timeout=30, limits=limits) as client:
            yield Traffic(client, self.ledger, self.answers)

    async def probe(
        self, traffic: Traffic, mounts: Collection[str], until: Callable[[], bool]
    ) -> dict[str, list[float]]:
        """Send requests to the mounts in turn, and return the seconds of each response."""
        seconds: dict[str, list[float]] = {mount: [] for mount in mounts}
        while not until():
            for mount in mounts:
                begin = time.monotonic()
                await traffic.ask(PROBE, mount)
                seconds[mount].append(time.monotonic() - begin)
            await asyncio.sleep(PAUSE / 3)
        return seconds

    async def stick(self, traffic: Traffic, mount: str) -> None:
        """Send a mount more waiting requests than it can take."""
        with self.answers.outage(mount):
            await asyncio.gather(*(traffic.ask(WAIT, mount) for _ in range(self.waits[mount])))
            await self.recover(traffic)

    async def restart_database(self, traffic: Traffic) -> None:
        """Kill PostgreSQL during the traffic, and start it again."""
        self.restarts += 1
        with self.answers.outage(DATABASE):
            await asyncio.to_thread(self.database.stop)
            await asyncio.sleep(DOWN)
            await asyncio.to_thread(self.database.start)
            await self.recover(traffic)

    async def recover(self, traffic: Traffic) -> None:
        """Send requests until every mount answers from the database again."""
        async with asyncio.timeout(SOON):
            for mount in FRAMEWORKS:
                while await traffic.ask(PROBE, mount) is None:
                    await asyncio.sleep(PAUSE)

    async def rest(self) -> None:
        """Wait until the gateway has no clients, and measure what it still holds."""
        await wait_until(
            lambda: not open_connections(self.server.pid, self.port), "No connection is open"
        )
        await wait_until(lambda: not count_working(self.database), "No connection works")
        at = time.monotonic() - self.began
        self.samples.append(Sample.take(at, self.server.pid, self.database))
        print(self.progress(), flush=True)

    def progress(self) -> str:
        """Return a line about the current state."""
        sample = self.samples[-1]
        return (
            f"{sample.at:5.0f} s  {sample.memory:4.0f} MiB  {sample.threads:3} threads "
            f"{sample.files:3} files {sample.connections:3} connections "
            f"{self.answers.counts.total():7} answers, {len(self.answers.failures)} failures "
            f"{self.ledger.acknowledged:6} writes"
        )

    async def settle(self) -> None:
        """Request everything once more, receive the last events, and read what is stored."""
        async with self.traffic() as traffic:
            for mount in FRAMEWORKS:
                for read in READS:
                    await traffic.ask(read, mount)
        with psycopg.connect(self.database.url) as connection:
            connection.execute(NUMBER_EVENTS)
            events = connection.execute("SELECT id FROM user_events ORDER BY id").fetchall()
            self.events = [event_id for (event_id,) in events]
            self.stored = dict(connection.execute("SELECT email, name FROM users").fetchall())
        listening = [asyncio.create_task(listener.listen()) for listener in self.listeners]
        await wait_until(
            lambda: all(listener.last >= self.events[-1] for listener in self.listeners),
            "The last event has been received",
        )
        for task in listening:
            task.cancel()
        await asyncio.wait(listening)


async def wait_until(condition: Callable[[], object], what: str) -> None:
    """Poll until a condition holds; fail if it does not hold in time."""
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {SOON:.0f} s"
        await asyncio.sleep(PAUSE)
