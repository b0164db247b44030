"""Triggers that note every change of a user in user_events, in the same transaction."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# The statement's first trigger lets one transaction after the other write, until its commit: a
# reader that has seen an event must never find an older one later. It comes before any row is
# locked, so that two writers cannot wait for each other.
POSTGRESQL = [
    """
    CREATE FUNCTION queue_user_events() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock(7236411);
        RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION note_user_event() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        person users;
        happened text;
    BEGIN
        IF TG_OP = 'DELETE' THEN
            person := OLD;
            happened := 'deleted';
        ELSIF TG_OP = 'UPDATE' THEN
            person := NEW;
            happened := 'changed';
        ELSE
            person := NEW;
            happened := 'created';
        END IF;
        INSERT INTO user_events (action, user_id, name, email, framework)
        VALUES (happened, person.id, person.name, person.email,
                current_setting('application_name'));
        NOTIFY user_events;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER queue_user_events BEFORE INSERT OR UPDATE OR DELETE ON users
    FOR EACH STATEMENT EXECUTE FUNCTION queue_user_events()
    """,
    """
    CREATE TRIGGER note_user_event AFTER INSERT OR DELETE ON users
    FOR EACH ROW EXECUTE FUNCTION note_user_event()
    """,
    """
    CREATE TRIGGER note_user_change AFTER UPDATE ON users
    FOR EACH ROW WHEN (OLD IS DISTINCT FROM NEW) EXECUTE FUNCTION note_user_event()
    """,
]
POSTGRESQL_BACK = [
    "DROP TRIGGER note_user_change ON users",
    "DROP TRIGGER note_user_event ON users",
    "DROP TRIGGER queue_user_events ON users",
    "DROP FUNCTION note_user_event()",
    "DROP FUNCTION queue_user_events()",
]

# framework() is a function of each connection's own; a connection without it cannot write.
SQLITE = """
CREATE TRIGGER note_user_{action} AFTER {operation} ON users {condition}
BEGIN
    INSERT INTO user_events (action, user_id, name, email, framework)
    VALUES ('{action}', {row}.id, {row}.name, {row}.email, framework());
END
"""
SQLITE_TRIGGERS = [
    {"action": "created", "operation": "INSERT", "row": "NEW", "condition": ""},
    {"action": "deleted", "operation": "DELETE", "row": "OLD", "condition": ""},
    {
        "action": "changed",
        "operation": "UPDATE",
        "row": "NEW",
        "condition": "WHEN OLD.name <> NEW.name OR OLD.email <> NEW.email",
    },
]


def create(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "sqlite":
        for trigger in SQLITE_TRIGGERS:
            schema_editor.execute(SQLITE.format(**trigger))
    else:
        for statement in POSTGRESQL:
            schema_editor.execute(statement, None)


def drop(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "sqlite":
        for trigger in SQLITE_TRIGGERS:
            schema_editor.execute(f"DROP TRIGGER note_user_{trigger['action']}")
    else:
        for statement in POSTGRESQL_BACK:
            schema_editor.execute(statement, None)


class Migration(migrations.Migration):

    dependencies = [("django_app", "0002_userevent")]

    operations = [migrations.RunPython(create, drop)]
