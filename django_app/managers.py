"""How users are searched, apart from their model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.db import connections, models
from django.db.models.query import RawQuerySet

from contract.searching import Search

if TYPE_CHECKING:
    from django_app.models import User


class UserManager(models.Manager["User"]):
    """All users."""

    def search(self, texts: Sequence[str], after: int, limit: int) -> RawQuerySet[User]:
        """Return the users that have all texts in the name or the email, by id.

        The ORM has no expression for the index of FTS5 that SQLite reads.

        Args:
            texts: at least one, not empty.
            after: only users with a larger id.
            limit: number of users.
        """
        search = Search.of(connections[self.db].vendor, texts, after, limit)
        return self.raw(search.statement("%({})s".format), search.parameters())
