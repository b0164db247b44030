"""The state and the evidence of a move in a store. Commands use this without a gateway, too."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from framework_gateway.migrate.bounds import EvidenceOptions
from framework_gateway.migrate.evidence import DEFAULT_BOUNDS, RouteEvidence
from framework_gateway.migrate.state import MoveState
from framework_gateway.migrate.stores import ATTEMPTS, Store, StoreError

logger = logging.getLogger("framework_gateway")

OTHER_ROUTE = "others"

Change = Callable[[MoveState], MoveState]


class SharedState:
    """The state of a move in a store.

    Args:
        store: the store.
        prefix: the prefix of the move.
    """

    def __init__(self, store: Store, prefix: str) -> None:
        self.store = store
        self.name = f"state {prefix or '/'}"
        # One value, because several threads read and change the state.
        self._known: tuple[int, MoveState] = (-1, MoveState())

    def read(self) -> MoveState:
        """Return the state as it is now.

        Raises:
            StoreError: the store is away, or has something else there.
        """
        version, state = self._known
        current = self.store.versions(self.name).get(self.name, 0)
        if current == version or (version > 0 and not current and self._restore(state)):
            return state
        return self._load()[1]

    def _restore(self, state: MoveState) -> bool:
        """Write the state again, because the store has lost it, as Redis does without a file."""
        if not self.store.write(self.name, state.model_dump_json(), 0):
            return False
        logger.warning("the store has lost %s; this process has written it again", self.name)
        self._known = 1, state
        return True

    def _load(self) -> tuple[int, MoveState]:
        found = self.store.read(self.name)
        if found is None:
            known = 0, MoveState()
        else:
            try:
                known = found.version, MoveState.model_validate_json(found.text)
            except ValidationError as error:
                raise StoreError(f"{self.name} in the store is no state of a move") from error
        self._known = known
        return known

    def change(self, change: Change) -> tuple[MoveState, bool]:
        """Change the state; the change is repeated if another process was faster.

        Args:
            change: returns the new state, or the given one if nothing is to be changed.

        Returns:
            The state, and whether this call has changed it.

        Raises:
            StoreError: the store is away, or too many processes change the state.
        """
        for _ in range(ATTEMPTS):
            version, state = self._load()
            wanted = change(state)
            if wanted == state:
                return state, False
            # Not the version of self._known: another thread may have read a newer one meanwhile.
            if self.store.write(self.name, wanted.model_dump_json(), version):
                self._known = version + 1, wanted
                return wanted, True
        raise StoreError(f"{self.name}: too many changes at the same time")


@dataclass
class Known:
    """The evidence of a route, as it was read or written last."""

    version: int
    evidence: RouteEvidence


class SharedEvidence:
    """The evidence of a move in a store: what all workers have seen.

    Args:
        store: the store.
        prefix: the prefix of the move.
        bounds: how much is kept.
    """

    def __init__(self, store: Store, prefix: str, bounds: EvidenceOptions = DEFAULT_BOUNDS) -> None:
        self.store = store
        self.bounds = bounds
        self.prefix = f"evidence {prefix or '/'} "
        self._known: dict[str, Known] = {}

    def read(self) -> Mapping[str, RouteEvidence]:
        """Return the evidence by route.

        Raises:
            StoreError: the store is away.
        """
        for name, version in self.store.versions(self.prefix).items():
            route = name.removeprefix(self.prefix)
            known = self._known.get(route)
            if known is None or known.version != version:
                self._load(route)
        # A copy, because another thread may add a route at the same time.
        return {route: known.evidence for route, known in self._known.copy().items()}

    def known(self, route: str) -> RouteEvidence | None:
        """Return the evidence of a route as it was read or written last, without the store."""
        found = self._known.get(route)
        return None if found is None else found.evidence

    def _load(self, route: str) -> Known:
        found = self.store.read(self.prefix + route)
        known = Known(0, RouteEvidence(bounds=self.bounds))
        if found is not None:
            try:
                data = json.loads(found.text)
                known = Known(found.version, RouteEvidence.from_dict(data, self.bounds))
            except (ValueError, KeyError, TypeError) as error:
                raise StoreError(f"{self.prefix}{route} in the store is no evidence") from error
        self._known[route] = known
        return known

    def add(self, route: str, more: RouteEvidence, batch: str) -> None:
        """Add what a worker has seen.

        Args:
            route: the name of the route.
            more: what to add.
            batch: names it: a store that does not answer may have stored it, so the same batch
                may come again.

        Raises:
            StoreError: the store is away, or too many processes add to the route.
        """
        known = self._known.get(route) or self._load(route)
        if not known.version and len(self.store.versions(self.prefix)) >= self.bounds.routes:
            # Clients may have chosen the names, of which each gateway knows others.
            self._known.pop(route, None)  # unless another thread has done so
            route = OTHER_ROUTE
            known = self._known.get(route) or self._load(route)
        for _ in range(ATTEMPTS):
            if batch in known.evidence.batches:
                return
            total = RouteEvidence.from_dict(known.evidence.as_dict(), self.bounds)
            total.add(more)
            total.note_batch(batch)
            if self._write(route, total, known.version):
                return
            known = self._load(route)
        raise StoreError(f"{self.prefix}{route}: too many changes at the same time")

    def reset(self, route: str) -> bool:
        """Forget the evidence of a route, after a mistake was corrected.

        Returns:
            Whether the store had any; a name that is none of a route is not stored.

        Raises:
            StoreError: the store is away, or too many processes add to the route.
        """
        for _ in range(ATTEMPTS):
            version = self._load(route).version
            if not version:
                self._known.pop(route, None)
                return False
            if self._write(route, RouteEvidence(), version):
                return True
        raise StoreError(f"{self.prefix}{route}: too many changes at the same time")

    def _write(self, route: str, evidence: RouteEvidence, version: int) -> bool:
        text = json.dumps(evidence.as_dict())
        if not self.store.write(self.prefix + route, text, version):
            return False
        self._known[route] = Known(version + 1, evidence)
        return True
