"""Datasette over a small database, which is made when the module is imported."""

import os
import sqlite3
from pathlib import Path

from datasette.app import Datasette

path = Path(os.environ["APPLICATION_DATA"]) / "shop.db"
if not path.exists():
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE goods (id INTEGER PRIMARY KEY, name TEXT)")
        names = [(f"thing {number}",) for number in range(1000)]
        connection.executemany("INSERT INTO goods (name) VALUES (?)", names)
    connection.close()

app = Datasette([path], settings={"base_url": "/data/"}, secret="only for tests").app()
