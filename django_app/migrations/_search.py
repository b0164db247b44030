"""The index of searches: FTS5 on SQLite, GIN on PostgreSQL. contract/searching.py reads it."""

from django.core.management.base import CommandError
from django.db import DatabaseError, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

Editor = BaseDatabaseSchemaEditor

# The text ends with two line feeds, so that each of the last two letters also begins a trigram.
# These triggers run before or after those that fold, so they read the row again.
INDEX_NEW = """
    DELETE FROM user_search WHERE rowid = NEW.id;
    INSERT INTO user_search (rowid, folded)
    SELECT id, folded || char(10, 10) FROM users WHERE id = NEW.id;
"""
FORGET_OLD = "DELETE FROM user_search WHERE rowid = OLD.id;"
SQLITE = [
    """
    CREATE VIRTUAL TABLE user_search
    USING fts5(folded, tokenize='trigram case_sensitive 1', detail='none', columnsize=0)
    """,
    "CREATE VIRTUAL TABLE user_search_trigrams USING fts5vocab(user_search, 'instance')",
    f"""
    CREATE TRIGGER index_new_user AFTER INSERT ON users WHEN NEW.folded <> ''
    BEGIN {INDEX_NEW} END
    """,
    f"""
    CREATE TRIGGER index_user AFTER UPDATE OF id, folded ON users
    WHEN OLD.id <> NEW.id OR OLD.folded <> NEW.folded
    BEGIN {FORGET_OLD} {INDEX_NEW} END
    """,
    # REPLACE deletes users without this trigger. Their entries stay, and belong to no user.
    f"CREATE TRIGGER index_deleted_user AFTER DELETE ON users BEGIN {FORGET_OLD} END",
]
SQLITE_BACK = [
    "DROP TRIGGER index_deleted_user",
    "DROP TRIGGER index_user",
    "DROP TRIGGER index_new_user",
    "DROP TABLE user_search_trigrams",
    "DROP TABLE user_search",
]
PAGE = 5000  # users in one transaction: writers wait for it
PAGE_END = "SELECT max(id) FROM (SELECT id FROM users WHERE id > %s ORDER BY id LIMIT %s)"
INDEX_PAGE = [
    "DELETE FROM user_search WHERE rowid > %s AND rowid <= %s",
    "INSERT INTO user_search (rowid, folded)"
    " SELECT id, folded || char(10, 10) FROM users WHERE id > %s AND id <= %s",
]

# pg_trgm is no alternative: it has no index entries for punctuation nor, in the locale "C", for
# letters that are not ASCII, and it cannot search for one or two letters.
POSTGRESQL = """
CREATE OR REPLACE FUNCTION user_trigrams(folded text) RETURNS tsvector
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT array_to_tsvector(array_agg(substr(folded, place, 3)))
    FROM generate_series(1, length(folded)) AS place
$$
"""
POSTGRESQL_BACK = "DROP FUNCTION user_trigrams(text)"
INDEXES = {
    "users_search": "users USING gin (user_trigrams(folded))",
    "users_created_at": "users (created_at, id)",
}


def create(schema_editor: Editor) -> None:
    """Create what the index needs, and the triggers that keep it.

    Raises:
        CommandError: this SQLite has no such index.
    """
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRESQL)
        return
    try:
        for statement in SQLITE:
            schema_editor.execute(statement, None)
    except DatabaseError as error:
        raise CommandError(
            f"This SQLite cannot index searches ({error}). Use a Python whose SQLite is 3.35 or"
            " newer and has FTS5, or PostgreSQL."
        ) from error


def drop(schema_editor: Editor) -> None:
    """Drop the same."""
    is_sqlite = schema_editor.connection.vendor == "sqlite"
    for statement in SQLITE_BACK if is_sqlite else [POSTGRESQL_BACK]:
        schema_editor.execute(statement, None)


def index_users(schema_editor: Editor) -> None:
    """Index the users that exist, while others write; a second run starts again."""
    if schema_editor.connection.vendor == "postgresql":
        build_indexes(schema_editor)
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("CREATE INDEX IF NOT EXISTS users_created_at ON users (created_at, id)")
        last = 0
        while True:
            # Its end is read with the lock: no user may come in between.
            with transaction.atomic():
                end = cursor.execute(PAGE_END, [last, PAGE]).fetchone()[0]
                if end is None:
                    return
                for statement in INDEX_PAGE:
                    cursor.execute(statement, [last, end])
            last = end


def build_indexes(schema_editor: Editor) -> None:
    """Build PostgreSQL's indexes; outside of a transaction without locking out writers."""
    connection = schema_editor.connection
    manner = "" if connection.in_atomic_block else "CONCURRENTLY"
    for name, columns in INDEXES.items():
        # What a killed or cancelled attempt has left is invalid.
        schema_editor.execute(f"DROP INDEX {manner} IF EXISTS {name}", None)
        schema_editor.execute(f"CREATE INDEX {manner} {name} ON {columns}", None)
    schema_editor.execute("ANALYZE users", None)  # tells which trigrams are rare


def forget_users(schema_editor: Editor) -> None:
    """Drop the indexes of PostgreSQL, and the entries of SQLite's."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX users_search", None)
    else:
        schema_editor.execute("DELETE FROM user_search", None)
    schema_editor.execute("DROP INDEX users_created_at", None)
