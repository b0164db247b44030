"""Connections to SQLite whose cursors close when a statement has failed."""

import sqlite3
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
            try:
                return super().execute(*arguments)
            except sqlite3.Error:
                self.close()
                raise

        def executemany(self, *arguments: Any) -> Any:
            try:
                return super().executemany(*arguments)
            except sqlite3.Error:
                self.close()
                raise

    return ClosingCursor
