"""Users have a folded name for searches, a positive id, and events for every kind of change.

A user whose id was 0 or negative gets a new id: no request could reach it under the old one.
"""

import logging
from importlib import import_module

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from django_app.migrations import _postgresql, _sqlite

logger = logging.getLogger("django_app")

before = import_module("django_app.migrations.0003_user_event_triggers")
Editor = BaseDatabaseSchemaEditor


def number_anew(apps: Apps, schema_editor: Editor) -> None:
    """Give new ids to users that have none above zero, and leave an event for each."""
    with schema_editor.connection.cursor() as cursor:
        if schema_editor.connection.vendor == "postgresql":
            # Nobody may add another such user before the constraint exists.
            cursor.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        cursor.execute("SELECT id FROM users WHERE id <= 0 ORDER BY id DESC")
        for (old,) in cursor.fetchall():
            if schema_editor.connection.vendor == "postgresql":
                cursor.execute("SELECT nextval(pg_get_serial_sequence('users', 'id'))")
            else:
                cursor.execute(
                    "SELECT max(0, (SELECT max(id) FROM users),"
                    " ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'users'), 0)) + 1"
                )
            (new,) = cursor.fetchone()
            # The trigger of PostgreSQL notes a changed id.
            cursor.execute("UPDATE users SET id = %s WHERE id = %s", [new, old])
            if schema_editor.connection.vendor == "sqlite":
                cursor.execute(
                    "INSERT INTO user_events (at, action, user_id, name, email, framework)"
                    " SELECT strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now'), 'changed', id, name, email,"
                    " framework() FROM users WHERE id = %s",
                    [new],
                )
            logger.warning("The user with the id %d has the id %d now", old, new)


def drop_old_triggers(apps: Apps, schema_editor: Editor) -> None:
    before.drop(apps, schema_editor)
    if schema_editor.connection.vendor == "sqlite":
        keep_sequence(schema_editor)


def create_old_triggers(apps: Apps, schema_editor: Editor) -> None:
    before.create(apps, schema_editor)
    if schema_editor.connection.vendor == "sqlite":
        restore_sequence(schema_editor)


def create(apps: Apps, schema_editor: Editor) -> None:
    if schema_editor.connection.vendor == "sqlite":
        _sqlite.create(schema_editor)
        restore_sequence(schema_editor)
    else:
        _postgresql.create(schema_editor)


def drop(apps: Apps, schema_editor: Editor) -> None:
    if schema_editor.connection.vendor == "sqlite":
        _sqlite.drop(schema_editor)
        keep_sequence(schema_editor)
    else:
        _postgresql.drop(schema_editor)


def keep_sequence(schema_editor: Editor) -> None:
    """Note the largest id that was ever given: Django copies the table and would forget it."""
    schema_editor.execute(
        "CREATE TEMPORARY TABLE kept_sequence AS"
        " SELECT seq FROM sqlite_sequence WHERE name = 'users'"
    )


def restore_sequence(schema_editor: Editor) -> None:
    # An empty table has no row in sqlite_sequence.
    schema_editor.execute("DELETE FROM sqlite_sequence WHERE name = 'users'")
    schema_editor.execute("INSERT INTO sqlite_sequence SELECT 'users', seq FROM kept_sequence")
    schema_editor.execute("DROP TABLE kept_sequence")


class Migration(migrations.Migration):

    dependencies = [("django_app", "0008_narrower_tokens")]

    operations = [
        migrations.RunPython(number_anew, migrations.RunPython.noop),
        migrations.RunPython(drop_old_triggers, create_old_triggers),
        migrations.AddField("user", "folded", models.TextField(db_default="", editable=False)),
        migrations.AddConstraint(
            "user", models.CheckConstraint(condition=models.Q(id__gt=0), name="users_id_positive")
        ),
        migrations.RunPython(create, drop),
    ]
