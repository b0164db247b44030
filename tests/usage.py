"""The resources of a running process, read from proc(5)."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

MEBIBYTE = 1024 * 1024


@dataclass(order=True)
class Usage:
    """The resources of a process; memory in bytes."""

    threads: int
    files: int
    memory: int

    @classmethod
    def of(cls, process: int) -> "Usage":
        directory = Path(f"/proc/{process}")
        pages = int((directory / "statm").read_text().split()[1])
        return cls(
            threads=len(os.listdir(directory / "task")),
            files=len(os.listdir(directory / "fd")),
            memory=pages * os.sysconf("SC_PAGE_SIZE"),
        )


def times_open(file: Path, process: int) -> int:
    """Count how often a process has a file open; skip the test on systems without proc(5)."""
    directory = Path(f"/proc/{process}/fd")
    if not directory.exists():
        pytest.skip("This test counts open files in /proc")
    return sum(is_link_to(entry, file) for entry in directory.iterdir())


def is_link_to(entry: Path, file: Path) -> bool:
    """Return whether an entry of proc(5) links to a file; it may have vanished meanwhile."""
    try:
        return os.readlink(entry) == str(file)
    except FileNotFoundError:
        return False


def open_connections(process: int, port: int) -> int:
    """Count the server's open connections."""
    lines = Path(f"/proc/{process}/net/tcp").read_text().splitlines()[1:]
    fields = [line.split() for line in lines]
    local = f":{port:04X}"
    # 0A is the listening socket; entries without an inode no longer belong to a process.
    return sum(f[1].endswith(local) and f[3] != "0A" and f[9] != "0" for f in fields)
