"""Import what a file names, in a process that may end at any time."""

import logging
import multiprocessing
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Literal, Protocol

from framework_gateway.cli.imports import SourceError, describe, import_gateway, import_login
from framework_gateway.mounts.loading import ApplicationError
from framework_gateway.mounts.mount import Mount
from framework_gateway.processes.isolated import Isolated

MARGIN = 10.0  # seconds to start a process, and to interrupt an import after its timeout
IMPORT_TIMEOUT = 60.0  # seconds to import what has no timeout of its own
KILL_TIMEOUT = 5.0  # seconds until a killed process has ended

Fault = tuple[Literal["error", "warning"], str]  # and why, as one line


class Step(Protocol):
    """Something to import; it is pickled."""

    @property
    def timeout(self) -> float:
        """Seconds that it may take."""

    def run(self) -> list[Fault]:
        """Import it; return what is wrong or suspicious."""


@dataclass(frozen=True)
class LoadMount:
    """Load a mount as the gateway does, so that a second Django project is refused, too."""

    prefix: str
    application: str
    options: dict[str, Any]

    @property
    def timeout(self) -> float:
        return Mount(self.prefix, None, **self.options).options.start_timeout

    def run(self) -> list[Fault]:
        return load(Mount(self.prefix, self.application, **self.options))


@dataclass(frozen=True)
class ImportBase:
    """Import a Gateway, and load its mounts.

    Attributes:
        replaced: the prefixes in whose place the file has other mounts.
        workers: the number of processes that it must be able to run in.
    """

    name: str
    replaced: Sequence[str]
    workers: int
    timeout: float = IMPORT_TIMEOUT

    def run(self) -> list[Fault]:
        gateway = import_gateway(self.name)
        mounts = [mount for mount in gateway.planned.values() if mount.label not in self.replaced]
        faults = [fault for mount in mounts for fault in load(mount)]
        if self.workers > 1 and (text := gateway.find_workers_fault()):
            faults.append(("error", text))
        return faults


@dataclass(frozen=True)
class ImportLogin:
    """Import an Admission."""

    name: str
    timeout: float = IMPORT_TIMEOUT

    def run(self) -> list[Fault]:
        import_login(self.name)
        return []


class Records(logging.Filter):
    """Keeps what the gateway logs, in place of lines and tracebacks in the terminal.

    Attributes:
        error: the last exception.
        warnings: the texts of warnings.
    """

    def __init__(self) -> None:
        super().__init__()
        self.error: BaseException | None = None
        self.warnings: list[str] = []

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep a record, and drop it from the log."""
        if record.exc_info:
            self.error = record.exc_info[1]
        elif record.levelno == logging.WARNING:
            self.warnings.append(record.getMessage())
        return False


@contextmanager
def recording() -> Iterator[Records]:
    """Keep what the gateway logs in the block, and print nothing of it."""
    logger, records = logging.getLogger("framework_gateway"), Records()
    logger.addFilter(records)
    try:
        yield records
    finally:
        logger.removeFilter(records)


def load(mount: Mount) -> list[Fault]:
    """Load a mount; return why that fails, with the place of the error, and what it warns of."""
    with recording() as records:
        mount.load()
    warnings: list[Fault] = [("warning", text) for text in records.warnings]
    return [*warnings, *(("error", text) for text in failures(mount, records.error))]


def failures(mount: Mount, error: BaseException | None) -> Iterator[str]:
    """Yield why an application does not work that has been loaded, or only planned."""
    if mount.failure is not None:
        if error is None or isinstance(error, ApplicationError):
            yield mount.failure
        else:
            yield f"{mount.called} could not be loaded: {describe(error)}"
    elif isinstance(mount.application, Isolated) and (why := mount.application.plan.find_fault()):
        yield f"{mount.called} cannot run in a process of its own: {why}"


def try_steps(directory: str, steps: Sequence[Step]) -> list[list[Fault]]:
    """Run steps one after the other in one process; start another one when it ends.

    Args:
        directory: the directory to import modules from.

    Returns:
        What fails, for each step.
    """
    results: list[list[Fault]] = []
    while len(results) < len(steps):
        results += try_until_end(directory, steps[len(results) :])
    return results


def try_until_end(directory: str, steps: Sequence[Step]) -> Iterator[list[Fault]]:
    """Run steps in one process, until it ends or hangs; yield what fails in those that have run."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=run_steps, args=(there, directory, steps), daemon=True)
    process.start()
    there.close()
    try:
        for step in steps:
            if not here.poll(step.timeout + MARGIN):
                yield [("error", f"the import took longer than {step.timeout:g} s")]
                return
            yield here.recv()
    except EOFError:
        process.join(KILL_TIMEOUT)
        status = process.exitcode
        yield [("error", f"the import has ended the process with status {status}")]
    finally:
        process.kill()
        process.join(KILL_TIMEOUT)


def run_steps(connection: "Connection[Any, Any]", directory: str, steps: Sequence[Step]) -> None:
    """Run steps, send what fails, and end at once: an application may have started threads."""
    sys.path.insert(0, directory)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # the findings alone are the output
    for step in steps:
        connection.send(run_step(step))
    connection.close()
    os._exit(0)


def run_step(step: Step) -> list[Fault]:
    """Run a step; return what fails."""
    try:
        return step.run()
    except SourceError as error:
        return [("error", str(error))]
    # An import may raise anything; SystemExit must not end the others.
    except BaseException as error:
        return [("error", describe(error))]
