"""A gateway and its workers in trouble: a fault each second, and everything recorded about it."""

import asyncio
import itertools
import re
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import uuid4

import httpx2 as httpx

from tests.conftest import FRAMEWORKS
from tests.databases import PostgreSQL, SQLite, free_port
from tests.servers import ROOT
from tests.soak.answers import Answers, Request
from tests.soak.cycles import PROBE, TRACEBACK
from tests.soak.faults import Fault, in_order
from tests.soak.ledger import Ledger
from tests.soak.listeners import Event, EventSource, Listener, WebSocket
from tests.soak.orders import SECRET, Gate, Orders, Sender
from tests.soak.processes import MARK, Holdings, find
from tests.soak.services import LOOK, Service, manage, wrong_clock
from tests.soak.stored import Stored
from tests.soak.traffic import DATABASE, PAUSE, Traffic, coming
from tests.usage import open_connections

EVERY = 1.0  # seconds from one fault to the next
SOON = 90.0  # seconds until all works after a fault, while others happen, and at the end
SERVING = 2  # processes
THREADS = 40  # of this process
# What the gateway writes before each line of a companion.
COMPANION = re.compile(r"^.* INFO companion\.\w+ \[-\] ", re.MULTILINE)
EXPECTED = Counter(gateway=1, serving=SERVING, worker=2)
CREATE = Request("/api/users", 201, "POST", needs=(DATABASE,))
READY = Request("/health/ready", needs=(DATABASE,))

ENV = {
    "GATEWAY_THREADS": "4",
    "GATEWAY_DATABASE_TIMEOUT": "4",
    "GATEWAY_REQUEST_TIMEOUT": "10",
    "GATEWAY_WEBHOOK_SECRET": SECRET,
    "GATEWAY_SECRET_KEY": "soak" * 20,
}


@dataclass(frozen=True)
class Plan:
    """The lengths of the parts, in seconds: without faults before and after, and with faults."""

    calm: float
    storm: float


class Writers(Traffic):
    """Traffic whose requests by id do not meet a restore."""

    def __init__(self, client: httpx.AsyncClient, trouble: "Trouble") -> None:
        super().__init__(client, trouble.ledger, trouble.answers)
        self.gate = trouble.gate

    async def write(self, first: str) -> None:
        """Create and change a user, and keep restores away meanwhile."""
        async with self.gate.inside():
            await super().write(first)

    async def create(self, mount: str) -> bool:
        """Create a user; return whether that was acknowledged."""
        return await self.change(mount, CREATE, self.ledger.new_email(), "created") is not None


class Trouble:
    """A gateway with two processes and a worker, another worker, and their clients.

    Args:
        directory: for the backup, the clock of the other worker and the files.
        files: the directory of exports.

    Attributes:
        faults: times by the name of the fault.
        recoveries: seconds from the end of a fault until everything works, by its name.
        histories: the stored events, before each restore and at the end.
        before, after: what the processes hold at rest.
        problems: what has not ended well, a line each.
    """

    def __init__(
        self, database: SQLite | PostgreSQL, directory: Path, files: Path, plan: Plan
    ) -> None:
        self.database = database
        self.data = Stored(database)
        self.directory = directory
        self.files = files
        self.plan = plan
        self.mark = uuid4().hex
        port = free_port()
        self.origin = f"http://127.0.0.1:{port}"
        self.port = port
        self.clock = directory / "clock"
        self.clock.write_text("+0")
        self.env = {
            **ENV,
            MARK: self.mark,
            "GATEWAY_DATABASE_URL": database.url,
            "GATEWAY_FILES_DIR": str(files),
        }
        serve = ("gateway", "serve", "--port", port, "--workers", SERVING)
        worker = "worker=python manage.py worker"
        self.gateway = Service(*serve, "--with", worker, env=self.env)
        self.other_worker = Service(
            "python", ROOT / "manage.py", "worker", env={**self.env, **wrong_clock(self.clock)}
        )
        self.gate = Gate()
        self.replacing_database = asyncio.Lock()
        self.turns = itertools.count()
        self.ledger = Ledger()
        self.answers = Answers()
        self.orders = Orders(self.gate, files)
        self.senders = [Sender(self.gate, f"webhook-{n}@example.com") for n in range(2)]
        self.listeners: list[Listener] = [
            kind(self.origin) for kind in (EventSource, WebSocket) for _ in range(2)
        ]
        self.faults: Counter[str] = Counter()
        self.recoveries: defaultdict[str, list[float]] = defaultdict(list)
        self.histories: list[list[Event]] = []
        self.jobs: dict[str, int] = {}
        self.stored: dict[str, str] = {}
        self.before = self.after = Holdings(Counter(), 0, 0, 0, 0)
        self.problems: list[str] = []
        self.log = ""

    @property
    def errors(self) -> list[str]:
        """The last line of each traceback in the log, if no kill has cut it off."""
        lines = [line for _, line in TRACEBACK.findall(COMPANION.sub("", self.log))]
        return [line for line in lines if not line[0].isdigit()]

    async def run(self, faults: list[Fault]) -> None:
        """Run the calm before, the storm, and the calm after it."""
        # Faults wait in threads for locks; nothing else may wait for those threads.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS))
        services = [
            asyncio.create_task(service.keep()) for service in (self.gateway, self.other_worker)
        ]
        try:
            await self.wait_for_processes()
            listening = [asyncio.create_task(listener.listen()) for listener in self.listeners]
            async with self.traffic() as traffic:
                with self.answers.outage("gateway"):
                    await self.recover(traffic)
            await self.load(self.plan.calm)
            self.before = await self.rest(listening)
            listening = [asyncio.create_task(listener.listen()) for listener in self.listeners]
            await self.load(self.plan.storm, in_order(faults))
            await self.load(self.plan.calm)
            await self.settle()
            self.after = await self.rest(listening)
        finally:
            for task in services:
                task.cancel()
            await asyncio.wait(services)
            self.log += self.gateway.log + self.other_worker.log

    @asynccontextmanager
    async def traffic(self) -> AsyncIterator[Writers]:
        """Run the clients, and close their connections at the end."""
        limits = httpx.Limits(max_connections=None, keepalive_expiry=2)
        async with httpx.AsyncClient(base_url=self.origin, timeout=30, limits=limits) as client:
            yield Writers(client, self)

    async def load(self, seconds: float, faults: Iterable[Fault] = ()) -> None:
        """Run all clients for a while, with a fault each second; then let everything end."""
        async with self.traffic() as traffic, asyncio.TaskGroup() as group:
            clients: list[Callable[[], Awaitable[object]]] = [
                *traffic.clients(),
                *(partial(traffic.create, mount) for mount in FRAMEWORKS),
                *(partial(self.orders.order, traffic) for _ in range(2)),
                *(partial(sender.send, traffic) for sender in self.senders),
            ]
            async with coming(*clients):
                due = iter(faults)
                end = time.monotonic() + seconds
                while (left := end - time.monotonic()) > 0:
                    if (fault := next(due, None)) is not None:
                        group.create_task(self.cause(fault, traffic))
                    await asyncio.sleep(min(EVERY, left))

    async def cause(self, fault: Fault, traffic: Writers) -> None:
        """Cause a fault, and measure how long it takes until everything works again."""
        self.faults[fault.name] += 1
        try:
            with self.answers.outage(fault.lacking or ""):
                await fault.do(self)
                begin = time.monotonic()
                if fault.lacking:
                    await self.recover(traffic)
            self.recoveries[fault.name].append(time.monotonic() - begin)
        except (TimeoutError, AssertionError) as error:
            self.problems.append(f"{fault.name}: {type(error).__name__} {error}")

    async def recover(self, traffic: Writers) -> None:
        """Send requests until every mount reads from the database and writes to it."""

        async def use(mount: str) -> None:
            while await traffic.ask(PROBE, mount) is None or not await traffic.create(mount):
                await asyncio.sleep(LOOK)

        async with asyncio.timeout(SOON):
            await asyncio.gather(*map(use, FRAMEWORKS))

    async def wait_for_processes(self, without: Collection[int] = ()) -> None:
        """Wait until no process is missing.

        Args:
            without: the ids of processes that have to end.
        """
        async with asyncio.timeout(SOON):
            while await asyncio.to_thread(self.missing, without):
                await asyncio.sleep(LOOK)

    def missing(self, without: Collection[int]) -> Counter[str]:
        """Return the roles without enough processes, and processes that have not ended."""
        running = [process for process in find(self.mark) if not process.is_defunct]
        old = Counter(f"old {one.role}" for one in running if one.id in without)
        return old + (EXPECTED - Counter(one.role for one in running if one.id not in without))

    async def settle(self) -> None:
        """Wait until the last job has ended and the last event has arrived; read what is stored."""
        await self.wait_until("Jobs have not ended", self.data.has_open_jobs)
        self.stored = await self.data.users()
        self.jobs = await self.data.jobs()
        await self.note_events()
        last = self.histories[-1][-1].id
        await self.wait_until(
            "Listeners have not received the last event",
            partial(self.is_listener_behind, last),
        )

    async def is_listener_behind(self, last: int) -> bool:
        """Return whether a listener has not received the last event."""
        return any(listener.last != last for listener in self.listeners)

    async def rest(self, listening: list[asyncio.Task[None]]) -> Holdings:
        """Disconnect all clients, wait until nothing happens, and measure what is held."""
        for task in listening:
            task.cancel()
        await asyncio.wait(listening)
        await self.wait_until("Connections are open", self.is_connected)
        async with self.traffic() as traffic:
            await self.wait_until("The gateway is not ready", partial(self.is_faulty, traffic))
        await self.wait_until("Connections are open", self.is_connected)
        return Holdings.of(self.mark)

    async def is_connected(self) -> bool:
        """Return whether a client is connected."""
        return bool(open_connections(self.gateway.id, self.port))

    async def is_faulty(self, traffic: Writers) -> bool:
        """Return whether readiness names a failure or a warning."""
        answer = await traffic.ask(READY)
        return answer is None or bool(answer.json()["failures"] or answer.json()["warnings"])

    async def wait_until(self, problem: str, is_so: Callable[[], Awaitable[bool]]) -> None:
        """Wait until something is no longer so; note a problem if it stays so."""
        end = time.monotonic() + SOON
        while await is_so():
            if time.monotonic() > end:
                self.problems.append(f"{problem} after {SOON:.0f} s")
                return
            await asyncio.sleep(PAUSE)

    async def note_events(self) -> None:
        """Remember the stored events, which a restore may take back."""
        self.histories.append(await self.data.events())

    async def manage(self, *command: object) -> bool:
        """Run ``backup`` or ``restore``; return whether it has done what it should."""
        _, output = await manage(*command, env=self.env)
        self.log += output
        # Other faults may fail what a restore does after the restored backup is in place.
        return "Restored" in output or "Wrote" in output
