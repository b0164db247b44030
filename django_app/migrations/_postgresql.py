"""The triggers of users on PostgreSQL: they fold names, and note every change in user_events.

The functions find the tables in the schema of the table that fired the trigger, and everything else
in PostgreSQL's own schema, whatever the ``search_path`` of the session is.
"""

from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from contract.folding import FOLDED

SINGLE = {letter: folded for letter, folded in FOLDED.items() if len(folded) == 1}
LONGER = {letter: folded for letter, folded in FOLDED.items() if len(folded) > 1}
FOLD_LETTERS = "translate(plain, '{}', '{}')".format("".join(SINGLE), "".join(SINGLE.values()))
for letter, folded in LONGER.items():  # no result has a letter that another one folds
    FOLD_LETTERS = f"replace({FOLD_LETTERS}, '{letter}', '{folded}')"

# In the locale "C", lower() changes ASCII letters only.
FOLD = f"""
CREATE FUNCTION fold_user() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    plain text := NEW.name || chr(10) || NEW.email;
BEGIN
    IF octet_length(plain) = length(plain) THEN
        NEW.folded := lower(plain COLLATE "C");
    ELSE
        NEW.folded := {FOLD_LETTERS};
    END IF;
    RETURN NEW;
END $$
"""

# These lines begin each function that writes events. A reader that has seen an event must never
# find an older one later, so one transaction after the other writes its events, until its commit.
# It does so at the commit, when it waits for no other lock any more: whatever locks transactions
# hold, they cannot wait for each other here.
IN_TURN = """
    PERFORM pg_advisory_xact_lock(7236411);
    PERFORM set_config('search_path', quote_ident(TG_TABLE_SCHEMA) || ', pg_temp', true);
"""

NOTE = """
CREATE FUNCTION note_user_event() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    is_change boolean := TG_OP = 'UPDATE' AND OLD.id = NEW.id;
BEGIN
    {in_turn}
    IF TG_OP <> 'INSERT' AND NOT is_change THEN
        INSERT INTO user_events (action, user_id, name, email, framework)
        VALUES ('deleted', OLD.id, OLD.name, OLD.email, current_setting('application_name'));
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO user_events (action, user_id, name, email, framework)
        VALUES (CASE WHEN is_change THEN 'changed' ELSE 'created' END,
                NEW.id, NEW.name, NEW.email, current_setting('application_name'));
    END IF;
    NOTIFY user_events;
    RETURN NULL;
END $$
"""

# TRUNCATE locks the whole table first, so no other transaction with changes of users is open.
NOTE_TRUNCATE = """
CREATE FUNCTION note_users_truncated() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    {in_turn}
    INSERT INTO user_events (action, user_id, name, email, framework)
    SELECT 'deleted', id, name, email, current_setting('application_name') FROM users ORDER BY id;
    NOTIFY user_events;
    RETURN NULL;
END $$
"""

# Readers of the events look at once whether they can go on.
TELL = """
CREATE FUNCTION tell_event_readers() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NOTIFY user_events;
    RETURN NULL;
END $$
"""

CREATE = [
    FOLD,
    NOTE.format(in_turn=IN_TURN),
    NOTE_TRUNCATE.format(in_turn=IN_TURN),
    TELL,
    """
    CREATE TRIGGER fold_user BEFORE INSERT OR UPDATE ON users
    FOR EACH ROW EXECUTE FUNCTION fold_user()
    """,
    # Also where replication or a restore suppresses triggers.
    "ALTER TABLE users ENABLE ALWAYS TRIGGER fold_user",
    """
    CREATE CONSTRAINT TRIGGER note_user_event AFTER INSERT OR DELETE ON users
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note_user_event()
    """,
    """
    CREATE CONSTRAINT TRIGGER note_user_change AFTER UPDATE ON users
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.id, OLD.name, OLD.email) IS DISTINCT FROM (NEW.id, NEW.name, NEW.email))
    EXECUTE FUNCTION note_user_event()
    """,
    """
    CREATE TRIGGER note_users_truncated BEFORE TRUNCATE ON users
    FOR EACH STATEMENT EXECUTE FUNCTION note_users_truncated()
    """,
    """
    CREATE TRIGGER tell_event_readers AFTER DELETE OR TRUNCATE ON user_events
    FOR EACH STATEMENT EXECUTE FUNCTION tell_event_readers()
    """,
]
DROP = [
    "DROP TRIGGER tell_event_readers ON user_events",
    "DROP TRIGGER note_users_truncated ON users",
    "DROP TRIGGER note_user_change ON users",
    "DROP TRIGGER note_user_event ON users",
    "DROP TRIGGER fold_user ON users",
    "DROP FUNCTION tell_event_readers()",
    "DROP FUNCTION note_users_truncated()",
    "DROP FUNCTION note_user_event()",
    "DROP FUNCTION fold_user()",
]


def create(schema_editor: BaseDatabaseSchemaEditor) -> None:
    for statement in CREATE:
        schema_editor.execute(statement, None)


def drop(schema_editor: BaseDatabaseSchemaEditor) -> None:
    for statement in DROP:
        schema_editor.execute(statement, None)
