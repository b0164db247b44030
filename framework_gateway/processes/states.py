"""What all processes of a gateway know of the isolated processes: addresses, ends, numbers.

One process supervises; with ``gateway serve --workers``, it is the parent of those that serve.
"""

import ctypes
from dataclasses import dataclass
from multiprocessing.sharedctypes import RawArray, RawValue
from typing import Any

from framework_gateway.processes.plan import Plan

MAX_ADDRESS = 108  # bytes of the path of a Unix socket (unix(7))
MAX_TEXT = 400  # bytes that say how a process ended


class SlotState(ctypes.Structure):
    """One of the processes of a mount, or its place while it does not run."""

    _fields_ = (
        ("restarts", ctypes.c_uint64),
        ("memory", ctypes.c_uint64),
        ("_address", ctypes.c_char * MAX_ADDRESS),
        ("_end", ctypes.c_char * MAX_TEXT),
    )

    @property
    def address(self) -> str:
        """The path of its socket; empty while it does not accept requests."""
        return self._address.decode()

    @address.setter
    def address(self, path: str) -> None:
        self._address = path.encode()

    @property
    def end(self) -> str:
        """How the last process ended; empty if none has ended."""
        return self._end.decode(errors="replace")

    @end.setter
    def end(self, text: str) -> None:
        self._end = text.encode()[:MAX_TEXT]


class MountState(ctypes.Structure):
    """What is counted for all processes of a mount.

    Attributes:
        generation: grows with each change of an address.
        attempts: grows with each start that succeeds or fails.
        requests: to all processes; several workers add to it without a lock, so it is about right.
    """

    _fields_ = (
        ("generation", ctypes.c_uint64),
        ("attempts", ctypes.c_uint64),
        ("requests", ctypes.c_uint64),
    )


@dataclass(frozen=True)
class ProcessStates:
    """The processes of one mount, in memory that processes share when they get it as an argument.

    Attributes:
        label: the prefix of the mount.
    """

    label: str
    mount: MountState
    slots: Any  # an array of SlotState

    @classmethod
    def create(cls, plan: Plan) -> "ProcessStates":
        """Return the state of processes that have not started."""
        return cls(plan.label, RawValue(MountState), RawArray(SlotState, plan.process.processes))

    @property
    def addresses(self) -> list[str]:
        """The sockets that accept requests."""
        return [slot.address for slot in self.slots if slot.address]

    @property
    def restarts(self) -> int:
        """How often a process has been started again after it had ended."""
        return sum(slot.restarts for slot in self.slots)

    @property
    def memory(self) -> int:
        """Resident memory of all processes, in bytes, when it was last looked at."""
        return sum(slot.memory for slot in self.slots)

    @property
    def fault(self) -> str | None:
        """Why some processes do not run, as one line; None if all run, or none."""
        return None if self.is_down else self.explain()

    def explain(self) -> str | None:
        """Return which processes do not run, and why, as one line; None if all run."""
        down = [slot for slot in self.slots if not slot.address]
        if not down:
            return None
        end = next((slot.end for slot in down if slot.end), "")
        why = f" ({end}) and will be started again" if end else " yet"
        if len(self.slots) == 1:
            return f"its process does not run{why}"
        return f"{len(down)} of its {len(self.slots)} processes do not run{why}"

    @property
    def is_down(self) -> bool:
        """Whether no process accepts requests."""
        return not self.addresses
