"""What the breakers of all workers have in their windows, in a store."""

import json
import secrets
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from framework_gateway.migrate.stores import ATTEMPTS, Store, StoreError

Totals = Mapping[str, Counter[str]]  # by route


class SharedWindows:
    """Exchanges what the breakers of this worker have counted for what those of the others have.

    Args:
        store: the store.
        prefix: the prefix of the move.
        seconds: the length of a window; what a worker has written before that does not count.
    """

    def __init__(self, store: Store, prefix: str, seconds: float) -> None:
        self.store = store
        self.name = f"windows {prefix or '/'}"
        self.seconds = seconds
        self.worker = secrets.token_hex(8)

    def exchange(self, own: Totals) -> Totals:
        """Write what this worker has counted; return the sums of the others.

        Raises:
            StoreError: the store is away, or too many workers write at the same time.
        """
        for _ in range(ATTEMPTS):
            version, before = self._read()
            others = {
                worker: one
                for worker, one in before.items()
                if worker != self.worker and abs(time.time() - one["when"]) < self.seconds
            }
            mine = {self.worker: {"when": time.time(), "routes": own}} if own else {}
            after = {**others, **mine}
            if after == before or self.store.write(self.name, json.dumps(after), version):
                return added(others)
        raise StoreError(f"{self.name}: too many changes at the same time")

    def _read(self) -> tuple[int, dict[str, Any]]:
        found = self.store.read(self.name)
        if found is None:
            return 0, {}
        try:
            return found.version, dict(json.loads(found.text))
        except (ValueError, TypeError) as error:
            raise StoreError(f"{self.name} in the store is no list of windows") from error


def added(workers: Mapping[str, Any]) -> dict[str, Counter[str]]:
    """Return the sums of what several workers have written."""
    found: dict[str, Counter[str]] = {}
    for one in workers.values():
        for route, counts in one["routes"].items():
            found.setdefault(route, Counter()).update(counts)
    return found
