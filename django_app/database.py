"""Health checks: whether the database is usable, and whether a worker runs."""

from datetime import timedelta
from functools import cache

from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import DateTimeField, ExpressionWrapper
from django.db.models.functions import Now

from django_app.models import LOST, WorkerProcess


def find_fault() -> str | None:
    """Return one line with the problem of the database and its remedy; None when there is none."""
    try:
        if not latest_migrations() <= {*MigrationRecorder(connection).applied_migrations()}:
            return "The database is not migrated; run: python manage.py prepare"
    except DatabaseError as error:
        reason = str(error).strip().splitlines()[0]
        return f"The database cannot be used ({reason}); check GATEWAY_DATABASE_URL"
    finally:
        connection.close()
    return None


@cache
def latest_migrations() -> frozenset[tuple[str, str]]:
    """Return the last migration of each app; cached, because the files do not change."""
    return frozenset(MigrationLoader(None).graph.leaf_nodes())


def find_no_worker() -> str | None:
    """Return one line when no worker has sent a heartbeat lately; None when one has."""
    # By the clock of the database, which also wrote the time.
    lately = ExpressionWrapper(Now() - timedelta(seconds=LOST), output_field=DateTimeField())
    try:
        if not WorkerProcess.objects.filter(seen_at__gte=lately).exists():
            return f"No worker was seen in {LOST:g} s; run: python manage.py worker"
    except DatabaseError:
        return "The heartbeats of workers cannot be read."
    finally:
        connection.close()
    return None
