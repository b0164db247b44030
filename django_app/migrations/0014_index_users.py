"""Index the users that exist, without locking out writers."""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from django_app.migrations import _search


def create(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    _search.index_users(schema_editor)


def drop(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    _search.forget_users(schema_editor)


class Migration(migrations.Migration):

    # PostgreSQL builds an index without blocking writers only outside of transactions.
    atomic = False

    dependencies = [("django_app", "0013_search")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(create, drop)],
            state_operations=[
                migrations.AddIndex(
                    "user", models.Index(fields=["created_at", "id"], name="users_created_at")
                )
            ],
        )
    ]
