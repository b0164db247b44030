"""The threads of one mount, and the way back from them to the event loop.

Waking a thread costs more than a small request, so as few as possible are woken: a job wakes one
thread, and a thread that takes a job wakes the next only when more jobs wait. While jobs are
short, one thread does them all in turn; when one blocks, the next is awake already.

There is no lock around the daily bookkeeping. Counting happens on the event loop alone, and what
both sides touch are single operations on deques and lists, in an order that loses no wake-up.
"""

import asyncio
import logging
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

logger = logging.getLogger("bridge")


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


@dataclass
class Gauges:
    """What a mount is doing.

    Attributes:
        threads: threads that exist.
        busy: threads at work.
        queued: requests that wait for a thread.
        shed: requests refused since the start, for a full queue or too long a wait in it.
        abandoned: requests since the start whose client left while a thread worked on them.
    """

    threads: int = 0
    busy: int = 0
    queued: int = 0
    shed: int = 0
    abandoned: int = 0


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
        self._waking = False  # a thread was woken and has not looked for a job yet
        self._stopped = False
        self._growing = threading.Lock()
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
        self.in_flight += 1
        self._jobs.append(job)
        if not self._waking:
            self._wake()

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

    def _wake(self) -> None:
        """Wake an idle thread, or start one; do nothing when all there may be are busy."""
        try:
            parked = self._parked.pop()
        except IndexError:
            self._grow()
        else:
            self._waking = True
            parked.release()

    def _grow(self) -> None:
        with self._growing:
            if len(self.threads) >= self.limit:
                return
            # A daemon: a thread that never returns must not keep the process from ending.
            name = f"{self.name}-{len(self.threads) + 1}"
            thread = threading.Thread(target=self._work, name=name, daemon=True)
            self.threads.append(thread)
        self._waking = True
        try:
            thread.start()
        except RuntimeError:
            # The system has no thread left: those that exist do the work, or the next job tries.
            self.threads.remove(thread)
            self._waking = False

    def _work(self) -> None:
        place = threading.Lock()
        place.acquire()
        while True:
            # Reset before the look: a job that comes later then wakes somebody itself.
            self._waking = False
            while self._jobs:
                try:
                    job = self._jobs.popleft()
                except IndexError:
                    break
                if self._jobs and not self._waking:
                    self._wake()
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
