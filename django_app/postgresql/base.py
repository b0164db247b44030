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
        """Connect, with the isolation level of ``OPTIONS``; a pool is not supported."""
        connection = BoundedConnection.connect(**conn_params)
        level = self.settings_dict["OPTIONS"].get("isolation_level")
        if level is not None:
            connection.isolation_level = level
        self.isolation_level = level or IsolationLevel.READ_COMMITTED
        return connection
