"""Serve in one process, and replace it with a new one when the code changes."""

import ctypes
import logging
import signal
import socket
from collections.abc import Callable, Iterable, Set
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from watchfiles import watch

from framework_gateway.loggers import get_logger
from framework_gateway.server.changes import SourceFilter, modified_since, outermost, signature
from framework_gateway.server.generations import Generation, Report, Restart, Serve
from framework_gateway.server.listeners import drop_new_connections
from framework_gateway.server.workers import STOP_MARGIN

logger = get_logger("framework_gateway.reload", logging.INFO)

MAX_NAMES = 3  # of changed files in a line of the log
TICK = 200  # milliseconds between two looks at the processes


class ReloadState(ctypes.Structure):
    """Why the last change is not served; all processes see the same state."""

    _fields_ = (("restarts", ctypes.c_uint64), ("_fault", ctypes.c_char * 400))

    @property
    def fault(self) -> str | None:
        """The fault as one line; None if the last change is served."""
        return self._fault.decode(errors="replace") or None

    def fail(self, fault: str) -> None:
        """Note why a change is not served."""
        self._fault = fault.encode()[:400]

    def succeed(self) -> None:
        """Note that a change is served."""
        self._fault = b""
        self.restarts += 1


class Reloader:
    """Keeps one process serving, until SIGTERM or SIGINT.

    When a file changes, a new process loads everything and starts. If nothing is wrong that was not
    wrong before, it listens, and the old one answers its requests and ends. Otherwise the old one
    serves on.

    Args:
        serve: called in each process with the listener and the parent. It must be picklable.
        prepare: called before a process starts; raises an exception if that is of no use.
        listener: the listening socket.
        directories: watched, besides those of the modules that a process imports.
        file: watched, too.
        grace: seconds for running requests to finish when a process stops.
        state: is kept up to date.
        restart: called in the process that serves, to restart the processes of a mount.
    """

    def __init__(
        self,
        serve: Serve,
        prepare: Callable[[], object],
        listener: socket.socket,
        *,
        directories: Iterable[Path],
        file: Path | None,
        grace: float,
        state: ReloadState,
        restart: Restart,
    ) -> None:
        self.serve = serve
        self.prepare = prepare
        self.listener = listener
        self.directories = outermost(directories)
        self.file = file
        self.seen = signature(file)
        self.grace = grace
        self.state = state
        self.restart = restart
        self.current: Generation | None = None
        self.next: Generation | None = None
        self.leaving: list[Generation] = []
        self.report = Report({}, frozenset(), frozenset(), {})  # of the process that serves
        self.stopping = False

    def run(self) -> int:
        """Serve; return the exit status."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._handle_signal)
        self._begin()
        while not self.stopping:
            self._watch()
        return self._stop()

    def _handle_signal(self, *_: Any) -> None:
        self.stopping = True

    def _watch(self) -> None:
        """Act on changes and on what the processes say, until the directories are others."""
        directories, missed = self.directories, self._missed
        existing = filter(Path.is_dir, directories)
        for changes in watch(
            *existing, watch_filter=SourceFilter(), rust_timeout=TICK, yield_on_timeout=True
        ):
            changed = {Path(path) for _, path in changes} | missed()
            missed = set  # looked at once, when the watch has begun
            if self.file is not None and (now := signature(self.file)) != self.seen:
                self.seen, changed = now, {*changed, self.file}
            if changed:
                self._act(changed)
            self._look()
            if self.stopping or self.directories != directories:
                return

    def _missed(self) -> set[Path]:
        """Return the modules that have changed since they were imported.

        No watch may have seen it: a process says only when it is ready where its modules are.
        """
        if self.current is None or self.next is not None:
            return set()
        return modified_since(self.report.modules, self.current.began)

    def _act(self, changed: Set[Path]) -> None:
        """Restart the processes of the mounts that have changed, or else everything."""
        names = ", ".join(sorted({path.name for path in changed})[:MAX_NAMES])
        mounts = [mount_of(path, self.report) for path in changed]
        if self.current is None or self.next is not None or None in mounts:
            logger.info("Changed: %s; starting a new process", names)
            return self._begin()
        for mount in sorted({*filter(None, mounts)}):
            logger.info("Changed: %s; restarting the processes of %s", names, mount)
            self.current.restart(mount)

    def _begin(self) -> None:
        """Start a process for the new version, in place of one that has not started yet."""
        if self.next is not None:
            self._leave(self.next)
            self.next = None
        try:
            self.prepare()
        # The file may contain anything.
        except Exception as error:
            return self._fail(str(error))
        self.next = Generation(self.serve, self.restart, self.listener)

    def _look(self) -> None:
        """Act on what the processes say, and on those that have ended."""
        if self.next is not None:
            try:
                if (report := self.next.receive()) is not None:
                    self._answer(self.next, report)
            except EOFError:
                self._give_up("the new version could not be started")
        if self.current is not None and self.current.has_ended():
            status = self.current.process.exitcode
            logger.warning("The process has ended with status %s; starting another", status)
            self.current = None
            self._begin()
        self.leaving = [one for one in self.leaving if not one.has_ended()]

    def _answer(self, new: Generation, report: Report) -> None:
        """Let a process listen, unless something fails that did not fail before.

        Raises:
            EOFError: it has ended.
        """
        self.directories = outermost({*self.directories, *report.directories})
        known = self.report.failures
        found = [text for label, text in report.failures.items() if label not in known]
        if self.current is not None and found:
            return self._give_up("; ".join(found))
        if is_change := self.current is not None:
            # Meanwhile connections wait: no client that has met the new version meets the old one.
            self._leave(self.current)
            self.current.wait_until_closed()
            self.current = None
        new.listen()
        if is_change:
            logger.info("The new process serves")
        self.current, self.next = new, None
        self.report = report
        self.state.succeed()

    def _give_up(self, fault: str) -> None:
        """Stop the process of the new version."""
        assert self.next is not None
        self._leave(self.next)
        self.next = None
        self._fail(fault)

    def _leave(self, generation: Generation) -> None:
        generation.stop(self.grace + STOP_MARGIN)
        self.leaving.append(generation)

    def _fail(self, fault: str) -> None:
        served = "nothing is served until a file changes"
        if self.current is not None:
            served = "the last good version serves on"
        self.state.fail(f"{fault}; {served}")
        logger.error("%s; %s", fault, served)

    def _stop(self) -> int:
        """Stop the processes; return 0 if the one that served has exited normally."""
        drop_new_connections(self.listener)
        self.listener.close()
        for generation in filter(None, (self.current, self.next)):
            self._leave(generation)
        while self.leaving:
            wait([one.process.sentinel for one in self.leaving], TICK / 1000)
            self.leaving = [one for one in self.leaving if not one.has_ended()]
        normal = (0, -signal.SIGTERM)
        return int(self.current is not None and self.current.process.exitcode not in normal)


def mount_of(path: Path, report: Report) -> str | None:
    """Return the mount whose processes alone use a file; None if the gateway's own may use it."""
    if path in report.modules:
        return None
    found = (name for name, root in report.isolated.items() if path.is_relative_to(root))
    return next(found, None)
