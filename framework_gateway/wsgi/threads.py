"""The threads of one mount, and the way back from them to the event loop.

Python runs one thread at a time, so while requests only compute, a second thread that is awake
makes all of them slower: the two take turns in the middle of each other's work. Few threads are
therefore awake as long as they keep the processor busy, each doing one job after the other; more
are woken when jobs wait although the processor does not, because the threads awake wait for
something themselves.

There is no lock around the bookkeeping. Counting happens on the event loop alone, and what both
sides touch are single operations on deques and lists, in an order that loses no wake-up.
"""

import asyncio
import logging
import sys
import threading
import time
from collections import Counter, deque
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass
from typing import Protocol

logger = logging.getLogger("framework_gateway")

LOOK = 0.002  # seconds between two looks at jobs that wait
STUCK = 0.02  # seconds in which the threads awake have begun no job, busy or not
FULL = 0.8  # share of one processor that counts as busy
TURN = 0.01  # seconds that a thread computes before Python makes it give way; 0.005 by default

# How many threads were still at work when the mounts stopped; the process then ends with status 1.
left_behind: Counter[str] = Counter()


def set_switch_interval() -> None:
    """Let threads compute for longer before Python makes them give way to one another.

    Each such change in the middle of a request costs both sides their processor caches. The price
    is that the event loop may wait for as long. It is a setting of the whole process, so call it
    where the process is composed.
    """
    sys.setswitchinterval(TURN)


class QueueFull(Exception):
    """Every thread is busy and as many jobs wait as may."""


class Job(Protocol):
    """What a thread can do.

    Attributes:
        returned: whether the thread is through with it; set by ``run`` as its last act.
        settled: whether the pool has counted that; set by the pool.
    """

    returned: bool
    settled: bool

    def claim(self) -> bool:
        """Take the job, in whichever thread comes first; False when it was taken before."""

    def run(self) -> None:
        """Do the job in a thread of the pool; raise nothing."""

    def notice(self) -> None:
        """Hear, on the event loop, that there is news of the job."""


# Of these gauges, those that only grow.
TOTALS = frozenset({"shed", "abandoned"})


@dataclass
class Gauges:
    """What a mount is doing.

    Attributes:
        threads: threads that exist.
        busy: threads at work.
        queued: requests that wait for a thread.
        shed: requests refused since the start, for a full queue or too long a wait in it.
        abandoned: requests since the start that were given up while a thread worked on them.
        stuck: threads that have not come back from such a request for a while.
    """

    threads: int = 0
    busy: int = 0
    queued: int = 0
    shed: int = 0
    abandoned: int = 0
    stuck: int = 0


@dataclass
class Look:
    """What the last look at waiting jobs has found.

    Attributes:
        time, cpu: when that was, by the loop's clock and by the process's.
        taken: jobs begun so far, and ``progress``: when there was last one more of them.
        more: threads to wake the next time that it is needed; doubles each time.
    """

    time: float
    cpu: float
    taken: int
    progress: float
    more: int = 1


class Pool:
    """Daemon threads that grow with the work, and a bounded queue before them."""

    def __init__(self, limit: int, queue_size: int, name: str) -> None:
        self.loop = asyncio.get_running_loop()
        self.limit = limit
        self.queue_size = queue_size
        self.name = name
        self.in_flight = 0
        self.threads: list[threading.Thread] = []
        self._jobs: deque[Job] = deque()
        self._parked: list[threading.Lock] = []  # of idle threads; the last to park wakes first
        self._submitted = 0
        self._looking = False
        self._stopped = False
        self._news: deque[Job] = deque()
        self._woken = False

    @property
    def busy(self) -> int:
        """Threads at work."""
        return min(self.in_flight, len(self.threads))

    @property
    def queued(self) -> int:
        """Jobs that wait for a thread."""
        return self.in_flight - self.busy

    def submit(self, job: Job, *, bounded: bool = True) -> None:
        """Give a job to the next free thread; raise QueueFull when too many wait already."""
        if bounded and self.in_flight >= self.limit + self.queue_size:
            raise QueueFull
        if self._stopped:
            self.threads = [thread for thread in self.threads if thread.is_alive()]
        self.in_flight += 1
        self._submitted += 1
        self._jobs.append(job)
        if len(self._parked) == len(self.threads):
            self._wake()
        elif not self._looking:
            self._looking = True
            now, taken = self.loop.time(), self._submitted - len(self._jobs)
            look = Look(now, time.process_time(), taken, now)
            # For all jobs, so without the context variables of this one.
            self.loop.call_later(LOOK, self._look, look, context=Context())

    def withdraw(self, job: Job) -> bool:
        """Take back a job that no thread has begun; False when one has."""
        if not job.claim():
            return False
        job.returned = job.settled = True
        self.in_flight -= 1
        # Threads that never return would never take it out of the queue. A thread may have done so
        # already, and only found that it came too late.
        with suppress(ValueError):
            self._jobs.remove(job)
        return True

    def tell(self, job: Job) -> None:
        """Say, in a thread, that there is news of a job; many of them wake the loop once."""
        self._news.append(job)
        if not self._woken:
            self._woken = True
            try:
                self.loop.call_soon_threadsafe(self._deliver)
            except RuntimeError:
                # The loop is closed: whoever waited for this job is gone with it.
                self._woken = False

    def stop(self) -> None:
        """Let every thread end once no job waits."""
        self._stopped = True
        while self._parked:
            self._parked.pop().release()

    def _deliver(self) -> None:
        # Reset first: news that comes after the last popleft() must wake the loop again.
        self._woken = False
        while self._news:
            job = self._news.popleft()
            if job.returned and not job.settled:
                job.settled = True
                self.in_flight -= 1
            job.notice()

    def _look(self, look: "Look") -> None:
        """Wake more threads when jobs wait and those that are awake make no use of the time."""
        all_awake = not self._parked and len(self.threads) >= self.limit
        if all_awake or not self._jobs:
            self._looking = False
            return
        now, cpu = self.loop.time(), time.process_time()
        if self._submitted - len(self._jobs) != look.taken:
            look.taken, look.progress = self._submitted - len(self._jobs), now
        if cpu - look.cpu < FULL * (now - look.time) or now - look.progress > STUCK:
            for _ in range(min(look.more, len(self._jobs))):
                self._wake()
            look.more = min(2 * look.more, self.limit)
        else:
            look.more = 1
        look.time, look.cpu = now, cpu
        self.loop.call_later(LOOK, self._look, look)

    def _wake(self) -> None:
        """Wake an idle thread, or start one; do nothing when all there may be are busy."""
        try:
            self._parked.pop().release()
        except IndexError:
            self._grow()

    def _grow(self) -> None:
        if len(self.threads) >= self.limit:
            return
        # A daemon: a thread that never returns must not keep the process from ending.
        name = f"{self.name}-{len(self.threads) + 1}"
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # The system gives no more threads; those that there are go on.
            logger.exception("No thread could be started")
        else:
            self.threads.append(thread)

    def _work(self) -> None:
        place = threading.Lock()
        place.acquire()
        while True:
            while self._jobs:
                try:
                    job = self._jobs.popleft()
                except IndexError:
                    break
                if job.claim():
                    job.run()
                    self.tell(job)
                # An idle thread must not keep the last request and its answer alive.
                del job
            if not self._park(place):
                return

    def _park(self, place: threading.Lock) -> bool:
        """Sleep until woken; return False when the pool has been stopped."""
        self._parked.append(place)
        if self._jobs or self._stopped:
            # Something came between the last look and the parking; undo it, unless somebody has
            # taken the place already and wakes this thread.
            try:
                self._parked.remove(place)
            except ValueError:
                place.acquire()
            return bool(self._jobs) or not self._stopped
        place.acquire()
        return bool(self._jobs) or not self._stopped
