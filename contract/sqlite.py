"""Connections to SQLite that read a changed schema again, and whose failed cursors close."""

import sqlite3
from collections.abc import Callable
from functools import cache
from typing import Any


class ClosingConnection(sqlite3.Connection):
    """A connection for ``sqlite3.connect(factory=…)``.

    A cursor keeps its statement when the transaction could not begin, and an exception's traceback
    keeps the cursor. When both are collected later, in any thread, ``sqlite3`` resets the statement
    with the interpreter locked. If the connection then waits for a lock in its own thread, the
    whole process stops until that wait has ended.
    """

    def cursor(self, factory: Any = sqlite3.Cursor) -> Any:
        return super().cursor(closing(factory))


@cache
def closing(kind: Any) -> Any:
    """Return a subclass of a class of cursors."""

    class ClosingCursor(kind):  # type: ignore[misc]  # a class of the caller
        def execute(self, *arguments: Any) -> Any:
            return self._run(super().execute, *arguments)

        def executemany(self, *arguments: Any) -> Any:
            return self._run(super().executemany, *arguments)

        def _run(self, execute: Callable[..., Any], *arguments: Any) -> Any:
            try:
                return with_newest_schema(execute, *arguments)
            except sqlite3.Error:
                self.close()
                raise

    return ClosingCursor


def with_newest_schema(execute: Callable[..., Any], *arguments: Any) -> Any:
    """Execute a statement, also the first one after another program has changed the schema.

    SQLite finds that while it prepares the statement. If triggers then open a virtual table, such
    as the index of searches, it no longer finds the other tables. It has executed nothing, and the
    second attempt reads the new schema.
    """
    try:
        return execute(*arguments)
    except sqlite3.OperationalError as error:
        if not str(error).startswith("no such table:"):
            raise
    return execute(*arguments)
