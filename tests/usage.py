"""What a running process holds, read from proc(5)."""

import os
from dataclasses import dataclass
from pathlib import Path

MEBIBYTE = 1024 * 1024


@dataclass(order=True)
class Usage:
    """What a process holds; memory in bytes."""

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


def open_connections(process: int, port: int) -> int:
    """Count the server's own ends of connections that are still open."""
    lines = Path(f"/proc/{process}/net/tcp").read_text().splitlines()[1:]
    fields = [line.split() for line in lines]
    local = f":{port:04X}"
    # 0A is the listening socket; entries without an inode belong to no process any more.
    return sum(f[1].endswith(local) and f[3] != "0A" and f[9] != "0" for f in fields)
