"""The acknowledged writes, and what the database may therefore contain at the end."""

import itertools
import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

State = str | None  # a user's name; None: no such user
States = dict[str, set[State]]


class Ledger:
    """Records what may be stored, by email address.

    A write that was sent but not acknowledged may or may not happen. Its user then has both states,
    and is not written again.

    Attributes:
        acknowledged, refused: numbers of writes.
        restores: the number of restored backups.
        taken_back: the number of users whose last acknowledged state a restore has taken back.
    """

    def __init__(self) -> None:
        self.possible: States = {}
        self.acknowledged = self.refused = self.restores = self.taken_back = 0
        self._unanswered: States = {}
        self._restores_before: dict[str, int] = {}
        self._notes: list[States] = []
        self._numbers = itertools.count()
        self._history: defaultdict[str, list[str]] = defaultdict(list)

    def new_email(self) -> str:
        """Return an email address that no user has."""
        return f"soak-{next(self._numbers)}@example.com"

    def attempt(self, email: str, state: State) -> None:
        """Record a write before it is sent."""
        self.possible.setdefault(email, {None}).add(state)
        self._unanswered.setdefault(email, set()).add(state)
        self._restores_before[email] = self.restores
        for note in self._notes:
            note.setdefault(email, set()).add(state)
        self._note(email, "attempted", state)

    def acknowledge(self, email: str, state: State) -> None:
        """Record that the server has acknowledged the write."""
        if self._restores_before.get(email, self.restores) == self.restores:
            self.possible[email] = {state}
        self._unanswered.pop(email, None)
        self.acknowledged += 1
        self._note(email, "acknowledged", state)

    def refuse(self, email: str, before: set[State]) -> None:
        """Record that the server has promised not to store a write.

        Args:
            before: what was possible before the write was sent.
        """
        if before == {None}:
            for note in self._notes:
                note.pop(email, None)
        if before == {None} or self._restores_before[email] == self.restores:
            self.possible[email] = before
        self._unanswered.pop(email, None)
        self.refused += 1
        self._note(email, "refused", *before)

    def forbid(self, email: str) -> None:
        """Record what must never be stored, because only part of the request was sent."""
        self.possible[email] = {None}

    @contextmanager
    def noting(self) -> Iterator[States]:
        """Yield what writes try to store while the block runs, by email address."""
        note = {email: {*states} for email, states in self._unanswered.items()}
        self._notes.append(note)
        try:
            yield note
        finally:
            self._notes = [other for other in self._notes if other is not note]

    def restore(self, backup: States, meanwhile: States) -> None:
        """Record that a backup has been restored.

        Args:
            backup: what was possible when the backup was made.
            meanwhile: what writes tried to store while it was restored.
        """
        self.restores += 1
        for email, states in self.possible.items():
            restored = backup.get(email, {None}) | meanwhile.get(email, set())
            self.taken_back += not states <= restored
            if self.possible[email] != restored:
                self._note(email, "restored", *restored)
            self.possible[email] = restored

    def learn(self, stored: Mapping[str, str], meanwhile: Collection[str]) -> None:
        """Learn the state of each user with several possible ones.

        Args:
            stored: names by email address.
            meanwhile: users that were written while ``stored`` was read, which may be older.
        """
        for email, states in self.possible.items():
            if email not in meanwhile and len(states) > 1 and stored.get(email) in states:
                self.possible[email] = {stored.get(email)}
                self._note(email, "learned", stored.get(email))

    def _note(self, email: str, what: str, *states: State) -> None:
        self._history[email].append(f"{time.monotonic():.2f} {what} {[*states]}")

    @property
    def unsure(self) -> int:
        """The number of users with several possible states."""
        return sum(len(states) > 1 for states in self.possible.values())

    def compare(self, stored: Mapping[str, str]) -> list[str]:
        """Return a line for each user whose stored state is not a possible one.

        Args:
            stored: names by email address.
        """
        return [
            f"{email}: {stored.get(email)!r} is stored, possible: {states};"
            f" {', '.join(self._history[email])}"
            for email, states in self.possible.items()
            if stored.get(email) not in states
        ]


def merge(first: States, second: States) -> States:
    """Return what is possible in either."""
    return {
        email: first.get(email, {None}) | second.get(email, set()) for email in {**first, **second}
    }
