"""Import what a file names, in a process that may end at any time."""

import logging
import multiprocessing
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Protocol

from framework_gateway.cli.imports import SourceError, describe, import_gateway, import_login
from framework_gateway.mounts.loading import ApplicationError
from framework_gateway.mounts.mount import Mount
from framework_gateway.processes.isolated import Isolated

MARGIN = 10.0  # seconds to start a process, and to interrupt an import after its timeout
IMPORT_TIMEOUT = 60.0  # seconds to import what has no timeout of its own
KILL_TIMEOUT = 5.0  # seconds until a killed process has ended


class Step(Protocol):
    """Something to import; it is pickled."""

    @property
    def timeout(self) -> float:
        """Seconds that it may take."""

    def run(self) -> list[str]:
        """Import it; return what fails, each as one line."""


@dataclass(frozen=True)
class LoadMount:
    """Load a mount as the gateway does, so that a second Django project is refused, too."""

    prefix: str
    application: str
    options: dict[str, Any]

    @property
    def timeout(self) -> float:
        return Mount(self.prefix, None, **self.options).options.start_timeout

    def run(self) -> list[str]:
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

    def run(self) -> list[str]:
        gateway = import_gateway(self.name)
        mounts = [mount for mount in gateway.planned.values() if mount.label not in self.replaced]
        fault = gateway.find_workers_fault() if self.workers > 1 else None
        return [*([fault] if fault else []), *(line for mount in mounts for line in load(mount))]


@dataclass(frozen=True)
class ImportLogin:
    """Import an Admission."""

    name: str
    timeout: float = IMPORT_TIMEOUT

    def run(self) -> list[str]:
        import_login(self.name)
        return []


class LastError(logging.Handler):
    """Keeps the last exception that is logged, in place of a traceback in the terminal."""

    error: BaseException | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self.error = record.exc_info[1]


def load(mount: Mount) -> list[str]:
    """Load a mount; return why that fails, as one line, with the place of the error."""
    logger, handler = logging.getLogger("framework_gateway"), LastError()
    logger.addHandler(handler)
    logger.propagate = False
    try:
        mount.load()
    finally:
        logger.removeHandler(handler)
    if mount.failure is None:
        own = mount.application.plan.find_fault() if isinstance(mount.application, Isolated) else ""
        return [f"{mount.called}: {own}"] if own else []
    if handler.error is None or isinstance(handler.error, ApplicationError):
        return [mount.failure]
    return [f"{mount.called} could not be loaded: {describe(handler.error)}"]


def try_steps(directory: str, steps: Sequence[Step]) -> list[list[str]]:
    """Run steps one after the other in one process; start another one when it ends.

    Args:
        directory: the directory to import modules from.

    Returns:
        What fails, for each step.
    """
    results: list[list[str]] = []
    while len(results) < len(steps):
        results += try_until_end(directory, steps[len(results) :])
    return results


def try_until_end(directory: str, steps: Sequence[Step]) -> Iterator[list[str]]:
    """Run steps in one process, until it ends or hangs; yield what fails in those that have run."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=run_steps, args=(there, directory, steps), daemon=True)
    process.start()
    there.close()
    try:
        for step in steps:
            if not here.poll(step.timeout + MARGIN):
                yield [f"the import took longer than {step.timeout:g} s"]
                return
            yield here.recv()
    except EOFError:
        process.join(KILL_TIMEOUT)
        yield [f"the import has ended the process with status {process.exitcode}"]
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


def run_step(step: Step) -> list[str]:
    """Run a step; return what fails."""
    try:
        return step.run()
    except SourceError as error:
        return [str(error)]
    # An import may raise anything; SystemExit must not end the others.
    except BaseException as error:
        return [describe(error)]
