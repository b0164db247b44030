"""Whether the database is fit to serve from."""

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor


def find_fault() -> str | None:
    """Return one line that says what is wrong and which command mends it; None when all is well."""
    try:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return "The database is not migrated; run: python manage.py prepare"
    except DatabaseError as error:
        reason = str(error).strip().splitlines()[0]
        return f"The database cannot be used ({reason}); check GATEWAY_DATABASE_URL"
    finally:
        connection.close()
    return None
