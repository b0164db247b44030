"""The triggers of users on SQLite: they fold names, and note every change in user_events.

REPLACE, in any of its forms, deletes the rows that are in the way without firing their triggers
(unless ``recursive_triggers`` is on). So the rows that may be deleted are noted before a statement,
and become events after it: if it has succeeded, they are gone.
"""

from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from contract.folding import FOLDED

# The functions of SQLite fold only ASCII, so other names are folded letter by letter. `lower` may
# be a connection's own function; for ASCII it has the same result.
FOLD = """
CREATE TRIGGER fold_{operation} AFTER {columns} ON users
BEGIN
    UPDATE users SET folded = CASE
        WHEN NEW.name || NEW.email NOT GLOB '*[^ -~]*'
            THEN lower(NEW.name || char(10) || NEW.email)
        ELSE (
            WITH RECURSIVE letters(done, letter, rest) AS (
                SELECT '', '', NEW.name || char(10) || NEW.email
                UNION ALL
                SELECT
                    done || ifnull(
                        (SELECT f.folded FROM case_folding AS f WHERE f.letter = letters.letter),
                        letter
                    ),
                    substr(rest, 1, 1),
                    substr(rest, 2)
                FROM letters WHERE letter <> '' OR rest <> ''
            )
            SELECT done FROM letters WHERE letter = '' AND rest = ''
        )
    END
    WHERE id = NEW.id;
END
"""

NOTE_CONFLICTS = """
CREATE TRIGGER note_conflicts_of_{operation} BEFORE {operation} ON users {condition}
BEGIN
    DELETE FROM replaced_users;
    INSERT INTO replaced_users (id, name, email)
    SELECT id, name, email FROM users
    WHERE (id = NEW.id OR email = NEW.email) AND {other};
END
"""

# framework() is a function of each connection's own; a connection without it cannot write.
NOTE = "INSERT INTO user_events (action, user_id, name, email, framework)"
NOTE_REPLACED = f"""
    {NOTE} SELECT 'deleted', id, name, email, framework() FROM replaced_users {{condition}}
    ORDER BY id;
    DELETE FROM replaced_users;
"""
HAS_OTHER_KEYS = "(OLD.id <> NEW.id OR OLD.email <> NEW.email)"

CREATE = [
    "CREATE TABLE case_folding (letter TEXT PRIMARY KEY, folded TEXT NOT NULL) WITHOUT ROWID",
    "INSERT INTO case_folding VALUES "
    + ", ".join(f"('{letter}', '{folded}')" for letter, folded in FOLDED.items()),
    """
    CREATE TABLE replaced_users (
        id INTEGER PRIMARY KEY, name varchar(100) NOT NULL, email varchar(254) NOT NULL
    )
    """,
    NOTE_CONFLICTS.format(operation="INSERT", condition="", other="true"),
    NOTE_CONFLICTS.format(
        operation="UPDATE", condition=f"WHEN {HAS_OTHER_KEYS}", other="id <> OLD.id"
    ),
    f"""
    CREATE TRIGGER note_user_created AFTER INSERT ON users
    BEGIN
        {NOTE_REPLACED.format(condition="")}
        {NOTE} VALUES ('created', NEW.id, NEW.name, NEW.email, framework());
    END
    """,
    f"""
    CREATE TRIGGER note_user_changed AFTER UPDATE ON users
    WHEN {HAS_OTHER_KEYS} OR OLD.name <> NEW.name
    BEGIN
        {NOTE_REPLACED.format(condition=f"WHERE {HAS_OTHER_KEYS}")}
        {NOTE} SELECT 'deleted', OLD.id, OLD.name, OLD.email, framework() WHERE OLD.id <> NEW.id;
        {NOTE} VALUES (
            CASE WHEN OLD.id = NEW.id THEN 'changed' ELSE 'created' END,
            NEW.id, NEW.name, NEW.email, framework()
        );
    END
    """,
    f"""
    CREATE TRIGGER note_user_deleted AFTER DELETE ON users
    BEGIN
        {NOTE} VALUES ('deleted', OLD.id, OLD.name, OLD.email, framework());
        DELETE FROM replaced_users WHERE id = OLD.id;
    END
    """,
    FOLD.format(operation="new_user", columns="INSERT"),
    FOLD.format(operation="user", columns="UPDATE OF name, email"),
]
TRIGGERS = [
    *("fold_new_user", "fold_user", "note_user_created", "note_user_changed", "note_user_deleted"),
    *("note_conflicts_of_INSERT", "note_conflicts_of_UPDATE"),
]
DROP = [
    *(f"DROP TRIGGER {trigger}" for trigger in TRIGGERS),
    "DROP TABLE replaced_users",
    "DROP TABLE case_folding",
]


def create(schema_editor: BaseDatabaseSchemaEditor) -> None:
    for statement in CREATE:
        schema_editor.execute(statement, None)


def drop(schema_editor: BaseDatabaseSchemaEditor) -> None:
    for statement in DROP:
        schema_editor.execute(statement, None)
