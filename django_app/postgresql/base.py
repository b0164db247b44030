"""The backend; Django imports this module by its name."""

from typing import Any

from django.db.backends.postgresql import base
from django.utils.asyncio import async_unsafe
from psycopg import IsolationLevel

from contract.postgresql import BoundedConnection


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's own, which has no setting for the class of a connection."""

    @async_unsafe
    def get_new_connection(self, conn_params: dict[str, Any]) -> BoundedConnection:
        """Connect; ``OPTIONS`` has no isolation level and no pool here."""
        self.isolation_level = IsolationLevel.READ_COMMITTED
        return BoundedConnection.connect(**conn_params)
