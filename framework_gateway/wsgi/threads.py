"""The thread pool of one mount.

Python runs one thread at a time. While requests only compute, a second running thread makes all
of them slower, because the two threads interrupt each other. So the pool keeps few threads running
as long as they keep the processor busy. It wakes more threads when jobs wait while the processor
is idle, because the running threads are then waiting for I/O or locks.

The pool uses no lock. Only the event loop changes the counters. Both sides share deques and lists
through single atomic operations, in an order that loses no wake-up.
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

CHECK_INTERVAL = 0.002  # seconds between two checks while jobs wait
MAX_STALL = 0.02  # seconds without progress until more threads wake, even on a busy processor
BUSY_SHARE = 0.8  # processor share (1.0 is one core) that counts as busy
SWITCH_INTERVAL = 0.01  # seconds that a thread runs before Python switches; the default is 0.005

# Threads still running after the mounts have stopped; if any, the process exits with status 1.
threads_left_running: Counter[str] = Counter()


def set_switch_interval() -> None:
    """Let a thread compute for 0.01 s before Python switches to another thread.

    Each switch in the middle of a request costs both threads their processor caches. The drawback
    is that the event loop may have to wait that long. The setting applies to the whole process.
    """
    sys.setswitchinterval(SWITCH_INTERVAL)


class QueueFull(Exception):
    """All threads are busy, and the queue is full."""


class Job(Protocol):
    """A unit of work for a thread.

    Attributes:
        returned: whether the thread has finished the job; ``run`` sets it last.
        counted: whether the pool has subtracted the job from ``in_flight``; the pool sets it.
    """

    returned: bool
    counted: bool

    def claim(self) -> bool:
        """Take the job; return True to the first caller only."""

    def run(self) -> None:
        """Do the job, in a thread of the pool; must not raise."""

    def notify(self) -> None:
        """Handle new data or the end of the job; called on the event loop."""


# The fields of Gauges that only grow.
COUNTERS = frozenset({"shed", "abandoned"})


@dataclass
class Gauges:
    """The current state of a mount.

    Attributes:
        threads: threads that exist.
        busy: threads that are working.
        queued: requests that wait for a thread.
        shed: requests refused since the start, because the queue was full or the wait too long.
        abandoned: requests since the start that were abandoned while a thread worked on them.
        stuck: threads that have not returned from an abandoned request.
    """

    threads: int = 0
    busy: int = 0
    queued: int = 0
    shed: int = 0
    abandoned: int = 0
    stuck: int = 0


@dataclass
class PoolCheck:
    """The result of the last check of the waiting jobs.

    Attributes:
        time, cpu: when the check ran, by the event loop's clock and by the process's CPU time.
        started: jobs started so far.
        progress_at: when ``started`` last grew, by the event loop's clock.
        batch: threads to wake when more are needed; doubles each time.
    """

    time: float
    cpu: float
    started: int
    progress_at: float
    batch: int = 1


class Pool:
    """A bounded queue, and daemon threads that are started as the work requires."""

    def __init__(self, limit: int, queue_size: int, name: str) -> None:
        self.loop = asyncio.get_running_loop()
        self.limit = limit
        self.queue_size = queue_size
        self.name = name
        self.in_flight = 0
        self.threads: list[threading.Thread] = []
        self._jobs: deque[Job] = deque()
        self._parked: list[threading.Lock] = []  # of idle threads; last in, first out
        self._submitted = 0
        self._checking = False
        self._stopped = False
        self._updates: deque[Job] = deque()
        self._wakeup_pending = False

    @property
    def busy(self) -> int:
        """Threads that are working."""
        return min(self.in_flight, len(self.threads))

    @property
    def queued(self) -> int:
        """Jobs that wait for a thread."""
        return self.in_flight - self.busy

    def submit(self, job: Job, *, bounded: bool = True) -> None:
        """Queue a job for the next free thread; raise QueueFull when the queue is full."""
        if bounded and self.in_flight >= self.limit + self.queue_size:
            raise QueueFull
        if self._stopped:
            self.threads = [thread for thread in self.threads if thread.is_alive()]
        self.in_flight += 1
        self._submitted += 1
        self._jobs.append(job)
        if len(self._parked) == len(self.threads):
            self._wake()
        elif not self._checking:
            self._checking = True
            now, started = self.loop.time(), self._submitted - len(self._jobs)
            last = PoolCheck(now, time.process_time(), started, now)
            # The check serves all jobs, so it runs without the context variables of this one.
            self.loop.call_later(CHECK_INTERVAL, self._check, last, context=Context())

    def withdraw(self, job: Job) -> bool:
        """Remove a job from the queue; return False when a thread has started it."""
        if not job.claim():
            return False
        job.returned = job.counted = True
        self.in_flight -= 1
        # Stuck threads would never remove the job. If a thread has just removed it, its claim()
        # fails.
        with suppress(ValueError):
            self._jobs.remove(job)
        return True

    def notify_loop(self, job: Job) -> None:
        """Schedule ``notify()`` from a thread; one wake-up of the event loop covers many jobs."""
        self._updates.append(job)
        if not self._wakeup_pending:
            self._wakeup_pending = True
            try:
                self.loop.call_soon_threadsafe(self._deliver)
            except RuntimeError:
                # The loop is closed, so no coroutine waits for the job.
                self._wakeup_pending = False

    def stop(self) -> None:
        """Let each thread end when the queue is empty."""
        self._stopped = True
        while self._parked:
            self._parked.pop().release()

    def _deliver(self) -> None:
        # Reset first: an update after the last popleft() must wake the loop again.
        self._wakeup_pending = False
        while self._updates:
            job = self._updates.popleft()
            if job.returned and not job.counted:
                job.counted = True
                self.in_flight -= 1
            job.notify()

    def _check(self, last: PoolCheck) -> None:
        """Wake more threads when jobs wait and the running threads leave the processor idle."""
        all_awake = not self._parked and len(self.threads) >= self.limit
        if all_awake or not self._jobs:
            self._checking = False
            return
        now, cpu = self.loop.time(), time.process_time()
        if self._submitted - len(self._jobs) != last.started:
            last.started, last.progress_at = self._submitted - len(self._jobs), now
        if cpu - last.cpu < BUSY_SHARE * (now - last.time) or now - last.progress_at > MAX_STALL:
            for _ in range(min(last.batch, len(self._jobs))):
                self._wake()
            last.batch = min(2 * last.batch, self.limit)
        else:
            last.batch = 1
        last.time, last.cpu = now, cpu
        self.loop.call_later(CHECK_INTERVAL, self._check, last)

    def _wake(self) -> None:
        """Wake an idle thread, or start one unless the limit is reached."""
        try:
            self._parked.pop().release()
        except IndexError:
            self._start_thread()

    def _start_thread(self) -> None:
        if len(self.threads) >= self.limit:
            return
        # A daemon thread does not keep the process alive if it never returns.
        name = f"{self.name}-{len(self.threads) + 1}"
        thread = threading.Thread(target=self._run_jobs, name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # The system has no more threads; the existing ones continue.
            logger.exception("Could not start a thread")
        else:
            self.threads.append(thread)

    def _run_jobs(self) -> None:
        lock = threading.Lock()
        lock.acquire()
        while True:
            while self._jobs:
                try:
                    job = self._jobs.popleft()
                except IndexError:
                    break
                if job.claim():
                    job.run()
                    self.notify_loop(job)
                # An idle thread must not keep the last request and its response in memory.
                del job
            if not self._park(lock):
                return

    def _park(self, lock: threading.Lock) -> bool:
        """Sleep until woken; return False when the pool has stopped."""
        self._parked.append(lock)
        if self._jobs or self._stopped:
            # A job arrived just before this thread parked. Undo the parking, unless another
            # thread has already removed the lock in order to wake this one.
            try:
                self._parked.remove(lock)
            except ValueError:
                lock.acquire()
            return bool(self._jobs) or not self._stopped
        lock.acquire()
        return bool(self._jobs) or not self._stopped
