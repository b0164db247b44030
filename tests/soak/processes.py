"""The processes of a soak, found in proc(5), and what they hold."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.usage import MEBIBYTE, Usage

MARK = "GATEWAY_SOAK"  # a variable in the environment of each process of a soak
# By a part of the command, the first that fits.
ROLES = {
    "spawn_main": "serving",
    "resource_tracker": "tracker",
    "gateway serve": "gateway",
    "manage.py worker": "worker",
}


@dataclass(frozen=True)
class Process:
    """A process that runs or is defunct."""

    id: int
    parent: int
    command: str
    is_defunct: bool

    @property
    def role(self) -> str:
        """What the process is for."""
        return next((role for part, role in ROLES.items() if part in self.command), self.command)


def find(mark: str) -> list[Process]:
    """Return the processes whose environment has the mark, and their defunct children."""
    everything = [*read_all()]
    marked = [process for process in everything if has_mark(process.id, mark)]
    parents = {process.id for process in marked} | {os.getpid()}
    return marked + [found for found in everything if found.is_defunct and found.parent in parents]


def read_all() -> Iterator[Process]:
    """Yield all processes of the system."""
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (directory / "stat").read_text().rpartition(")")[2].split()[:2]
            command = (directory / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile
        yield Process(int(directory.name), int(parent), command, state == "Z")


def has_mark(process: int, mark: str) -> bool:
    """Return whether the environment of a process has the mark."""
    try:
        variables = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
    except (OSError, ProcessLookupError):
        return False  # it has ended, or belongs to another account
    return f"{MARK}={mark}".encode() in variables


@dataclass(frozen=True)
class Holdings:
    """What the processes hold at rest; memory in MiB."""

    roles: Counter[str]
    memory: float
    threads: int
    files: int
    defunct: int

    @classmethod
    def of(cls, mark: str) -> "Holdings":
        """Add up what the processes of a soak hold now."""
        processes = find(mark)
        running = [process for process in processes if not process.is_defunct]
        usages = [Usage.of(process.id) for process in running]
        return cls(
            roles=Counter(process.role for process in running),
            memory=sum(usage.memory for usage in usages) / MEBIBYTE,
            threads=sum(usage.threads for usage in usages),
            files=sum(usage.files for usage in usages),
            defunct=len(processes) - len(running),
        )
