"""Which writes were acknowledged, and what the database may therefore hold in the end."""

import itertools
from collections.abc import Mapping

State = str | None  # the name of a user; None: there is no such user


class Ledger:
    """Keeps what may be stored, by email address.

    A write that was sent and not acknowledged may have happened, or may still: its user has both
    states then, and nobody may write to it any more.
    """

    def __init__(self) -> None:
        self.possible: dict[str, set[State]] = {}
        self.acknowledged = 0
        self._numbers = itertools.count()

    def new_email(self) -> str:
        """Return an address that nobody has."""
        return f"soak-{next(self._numbers)}@example.com"

    def attempt(self, email: str, state: State) -> None:
        """Note a write before it is sent."""
        self.possible.setdefault(email, {None}).add(state)

    def acknowledge(self, email: str, state: State) -> None:
        """Note that the server said that it is done."""
        self.possible[email] = {state}
        self.acknowledged += 1

    def forbid(self, email: str) -> None:
        """Note what must never be stored, because it was sent in part."""
        self.possible[email] = {None}

    @property
    def unsure(self) -> int:
        """How many users have two possible states."""
        return sum(len(states) > 1 for states in self.possible.values())

    def compare(self, stored: Mapping[str, str]) -> list[str]:
        """Return a line for each user that is stored otherwise than it may be.

        Args:
            stored: names by email address.
        """
        return [
            f"{email}: {stored.get(email)!r} is stored, {states} may be"
            for email, states in self.possible.items()
            if stored.get(email) not in states
        ]
