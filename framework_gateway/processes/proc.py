"""What Linux tells of processes and Unix sockets in /proc (proc(5))."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")


def memory_of(pid: int) -> int:
    """Return the resident memory of a process and its descendants, in bytes; 0 if unknown.

    Memory that several of them share counts for each.
    """
    return sum(map(resident, [pid, *descendants(pid)]))


def resident(pid: int) -> int:
    """Return the resident memory of one process, in bytes; 0 if it has ended."""
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    return 0


def descendants(pid: int) -> Iterator[int]:
    """Yield the ids of the descendants of a process."""
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            for child in Path(f"/proc/{pid}/task/{thread}/children").read_text().split():
                yield int(child)
                yield from descendants(int(child))


def connections_to(path: str) -> int | None:
    """Return the number of open connections to a Unix socket; None if the system does not tell.

    Each has the path on the side of the server, in a state other than 01, which is the listener's.
    """
    try:
        lines = Path("/proc/net/unix").read_text().splitlines()
    except OSError:
        return None
    # Num RefCount Protocol Flags Type St Inode Path
    return sum(line.endswith(f" {path}") and line.split()[5] != "01" for line in lines)
