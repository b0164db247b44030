"""Keep the processes of a mount running: restart, replace, retire and stop them."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from framework_gateway.loggers import get_logger
from framework_gateway.processes.care import TICK, Care
from framework_gateway.processes.instance import END_TIMEOUT, Instance
from framework_gateway.processes.plan import Plan, StartFailed
from framework_gateway.processes.states import ProcessStates

FIRST_DELAY, LONGEST_DELAY = 1.0, 60.0  # seconds until a process is restarted
RESET_AFTER = 60.0  # seconds of running that reset the delay


class Supervisor:
    """Keeps the processes of one mount running, each in the care of a thread.

    Args:
        plan: what to run.
        states: is kept up to date; other processes may share it.
    """

    def __init__(self, plan: Plan, states: ProcessStates) -> None:
        self.plan = plan
        self.states = states
        self.logger = get_logger(f"process.{plan.label}", logging.INFO)
        self.stopping = threading.Event()
        self.turn = threading.Lock()  # one process is replaced at a time
        self._lock = threading.Lock()
        self.slots = [Slot(self, number) for number in range(plan.process.processes)]

    def start(self) -> None:
        """Start the processes, without waiting for them."""
        supervisors.add(self)
        for slot in self.slots:
            slot.thread.start()

    def replace(self) -> None:
        """Replace the processes one by one, without a gap; start at once what waits to restart.

        A signal handler may call this.
        """
        for slot in self.slots:
            slot.replace_wanted = True

    def begin_stop(self) -> None:
        """Ask the processes to stop."""
        supervisors.discard(self)
        self.stopping.set()

    def end_stop(self) -> None:
        """Wait until the processes have ended."""
        for slot in self.slots:
            slot.thread.join()

    def publish(self, number: int, address: str) -> None:
        """Tell all processes of the gateway where a process accepts requests; "" for nowhere."""
        with self._lock:
            self.states.slots[number].address = address
            self.states.mount.generation += 1

    def count_attempt(self) -> None:
        """Tell those that wait for the first start how it went."""
        with self._lock:
            self.states.mount.attempts += 1


class Slot:
    """The place of one process, and the thread that keeps it running."""

    def __init__(self, supervisor: Supervisor, number: int) -> None:
        self.supervisor = supervisor
        self.plan = supervisor.plan
        self.logger = supervisor.logger
        self.number = number
        self.state = supervisor.states.slots[number]
        self.replace_wanted = False
        self.thread = threading.Thread(target=self._keep_running, daemon=True)
        self._drains: list[threading.Thread] = []

    def _keep_running(self) -> None:
        delay = FIRST_DELAY
        stopping = self.supervisor.stopping
        while not stopping.is_set():
            began = time.monotonic()
            end = self._run_once()
            if stopping.is_set():
                break
            if time.monotonic() - began > RESET_AFTER:
                delay = FIRST_DELAY
            self.state.end, self.state.memory = end, 0
            self.state.restarts += 1
            self.supervisor.count_attempt()
            self.logger.warning("ended: %s; restart in %g s", end, delay)
            delay = self._pause(delay)
        for thread in self._drains:
            thread.join()

    def _pause(self, seconds: float) -> float:
        """Wait to restart, unless somebody asks to do so now; return the delay of the next time."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.supervisor.stopping.wait(TICK):
            if self.replace_wanted:
                self.logger.info("is started now (on request)")
                return FIRST_DELAY
        return min(2 * seconds, LONGEST_DELAY)

    def _run_once(self) -> str:
        """Run the process once, whatever happens; return how it ended."""
        self.replace_wanted = False
        try:
            return self._run()
        except StartFailed as error:
            return f"could not be started: {error}"
        # Without this thread nobody would start it again.
        except Exception as error:
            self.logger.exception("cannot be run")
            return repr(error)

    def _run(self) -> str:
        """Start a process and look after it and its successors; return how the last one ended."""
        current = self._start()
        self.supervisor.count_attempt()
        try:
            while not self.supervisor.stopping.is_set() and not self._look(current):
                reason = "on request" if self.replace_wanted else current.reason_to_replace()
                if reason is not None:
                    current = self._replace(current, reason)
        finally:
            self.supervisor.publish(self.number, "")
            current.instance.stop()
        return current.instance.end or "stopped"

    def _look(self, current: Care) -> bool:
        """Look after a process for a moment; return whether it has ended."""
        has_ended = current.look()
        if has_ended and self.state.address == current.instance.address:
            self.supervisor.publish(self.number, "")
        return has_ended

    def _start(self, watch: Callable[[], object] = lambda: None) -> Care:
        """Start a process, and let it have requests.

        Raises:
            StartFailed: it could not be started.
        """
        instance = Instance(self.plan, self.logger)

        def watch_start() -> None:
            watch()
            if self.supervisor.stopping.is_set():
                instance.send(b"stop")

        instance.start(watch_start)
        self.supervisor.publish(self.number, instance.address)
        return Care(instance, self.state, self.supervisor.states.mount)

    def _replace(self, old: Care, reason: str) -> Care:
        """Start a successor; return it, or the old process if that fails."""
        self.replace_wanted = False
        while not self.supervisor.turn.acquire(timeout=TICK):
            if self._look(old) or self.supervisor.stopping.is_set():
                return old
        try:
            self.logger.info("is replaced (%s)", reason)
            new = self._start(partial(self._look, old))
        except StartFailed as error:
            if not self.supervisor.stopping.is_set():
                self.logger.error("could not be replaced, the old process serves on: %s", error)
            old.postpone()
            return old
        finally:
            self.supervisor.turn.release()
        thread = threading.Thread(target=self._retire, args=(old.instance,), daemon=True)
        self._drains = [one for one in self._drains if one.is_alive()] + [thread]
        thread.start()
        return new

    def _retire(self, old: Instance) -> None:
        """Stop a process that gets no new requests, when those that it has are finished."""
        old.drain(self.supervisor.stopping.is_set)
        old.stop()


supervisors: set[Supervisor] = set()  # those of this process


def replace_processes(*_signal: object) -> None:
    """Replace all processes that this process supervises; may be a signal handler."""
    for supervisor in [*supervisors]:
        supervisor.replace()


def longest_stop(plans: Iterable[Plan]) -> float:
    """Return how many seconds the processes may take to stop."""
    return max((plan.grace + END_TIMEOUT for plan in plans), default=0.0)


@contextmanager
def run_processes(plans: Iterable[Plan]) -> Iterator[dict[str, ProcessStates]]:
    """Run the processes of several mounts until the block ends.

    Yields:
        Their states, by the label of the mount.
    """
    states = {plan: ProcessStates.create(plan) for plan in plans}
    with run_supervisors(states):
        yield {plan.label: state for plan, state in states.items()}


@contextmanager
def run_supervisors(states: Mapping[Plan, ProcessStates]) -> Iterator[None]:
    """Keep the processes of plans running until the block ends."""
    started = [Supervisor(plan, state) for plan, state in states.items()]
    for supervisor in started:
        supervisor.start()
    try:
        yield
    finally:
        for supervisor in started:
            supervisor.begin_stop()
        for supervisor in started:
            supervisor.end_stop()
