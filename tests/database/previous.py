"""A database as the previous version left it: without the newest migration of this project."""

from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from django_app.project import set_up


def make() -> str:
    """Migrate the database of the settings, add a user, and return the name of what is missing."""
    set_up()
    graph = MigrationLoader(None).graph
    (newest,) = graph.leaf_nodes("django_app")
    (before,) = [parent for parent in graph.node_map[newest].parents if parent[0] == newest[0]]
    call_command("migrate", *before.key, verbosity=0)
    for app in ("auth", "admin", "sessions", "django_tasks_database"):
        call_command("migrate", app, verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO users (name, email) VALUES ('Carol', 'carol@example.com')")
    return ".".join(newest)
