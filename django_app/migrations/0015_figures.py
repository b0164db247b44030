"""The figures of users and their changes are stored up to an event, and carried on from there."""

from collections import Counter

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# One statement sees one moment: the users after the events that have an id.
BEGINNING = "SELECT (SELECT count(*) FROM users), (SELECT coalesce(max(id), 0) FROM user_events)"
PENDING = """, (
    SELECT count(*) FILTER (WHERE action = 'created') - count(*) FILTER (WHERE action = 'deleted')
    FROM pending_user_events
)"""
CHANGES = """
SELECT CAST(date(at) AS text), action, count(*) FROM user_events WHERE id <= %s GROUP BY 1, 2
"""
FRAMEWORKS = """
INSERT INTO framework_counts (framework, changes)
SELECT framework, count(*) FROM user_events WHERE id <= %s GROUP BY framework
"""
TODAY = {"sqlite": "SELECT date('now')", "postgresql": "SELECT CAST(CURRENT_DATE AS text)"}
ADD_DAY = """
INSERT INTO day_statistics (day, total, created, changed, deleted) VALUES (%s, %s, %s, %s, %s)
"""


def count(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Count once what exists. Days that were counted already stay as they are."""
    with schema_editor.connection.cursor() as cursor:
        is_sqlite = schema_editor.connection.vendor == "sqlite"
        cursor.execute(f"{BEGINNING}{', 0' if is_sqlite else PENDING}")
        users, newest, pending = cursor.fetchone()
        total = users - pending
        cursor.execute("INSERT INTO watermarks (id, event_id) VALUES (1, %s)", [newest])
        if not (total or newest):
            return
        cursor.execute(FRAMEWORKS, [newest])
        cursor.execute(CHANGES, [newest])
        days: dict[str, Counter[str]] = {}
        for day, action, number in cursor.fetchall():
            # Scripts may have stored times that are none.
            if day is not None and len(day) == len("2026-01-01"):
                days.setdefault(day, Counter())[action] += number
        cursor.execute(TODAY[schema_editor.connection.vendor])
        days.setdefault(cursor.fetchone()[0], Counter())
        cursor.execute("SELECT CAST(day AS text) FROM day_statistics")
        known = {day for (day,) in cursor.fetchall()}
        for day, made in sorted(days.items(), reverse=True):
            if day not in known:
                figures = [made["created"], made["changed"], made["deleted"]]
                cursor.execute(ADD_DAY, [day, total, *figures])
            total -= made["created"] - made["deleted"]


class Migration(migrations.Migration):

    dependencies = [("django_app", "0014_index_users")]

    operations = [
        *(
            migrations.AlterField(
                "daystatistic", name, models.IntegerField(db_default=0)
            )
            for name in ("created", "changed", "deleted")
        ),
        migrations.CreateModel(
            name="FrameworkCount",
            fields=[
                ("framework", models.CharField(max_length=63, primary_key=True, serialize=False)),
                ("changes", models.BigIntegerField(db_default=0)),
            ],
            options={"db_table": "framework_counts"},
        ),
        migrations.CreateModel(
            name="Watermark",
            fields=[
                ("id", models.SmallIntegerField(primary_key=True, serialize=False)),
                ("event_id", models.BigIntegerField(db_default=0)),
            ],
            options={"db_table": "watermarks"},
        ),
        migrations.RunPython(count, migrations.RunPython.noop),
    ]
