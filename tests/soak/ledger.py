"""The acknowledged writes, and what the database may therefore contain at the end."""

import itertools
from collections.abc import Mapping

State = str | None  # a user's name; None: no such user


class Ledger:
    """Records what may be stored, by email address.

    A write that was sent but not acknowledged may or may not happen. Its user then has both states,
    and is not written again.
    """

    def __init__(self) -> None:
        self.possible: dict[str, set[State]] = {}
        self.acknowledged = 0
        self._numbers = itertools.count()

    def new_email(self) -> str:
        """Return an email address that no user has."""
        return f"soak-{next(self._numbers)}@example.com"

    def attempt(self, email: str, state: State) -> None:
        """Record a write before it is sent."""
        self.possible.setdefault(email, {None}).add(state)

    def acknowledge(self, email: str, state: State) -> None:
        """Record that the server has acknowledged the write."""
        self.possible[email] = {state}
        self.acknowledged += 1

    def forbid(self, email: str) -> None:
        """Record what must never be stored, because only part of the request was sent."""
        self.possible[email] = {None}

    @property
    def unsure(self) -> int:
        """The number of users with two possible states."""
        return sum(len(states) > 1 for states in self.possible.values())

    def compare(self, stored: Mapping[str, str]) -> list[str]:
        """Return a line for each user whose stored state is not a possible one.

        Args:
            stored: names by email address.
        """
        return [
            f"{email}: {stored.get(email)!r} is stored, possible: {states}"
            for email, states in self.possible.items()
            if stored.get(email) not in states
        ]
