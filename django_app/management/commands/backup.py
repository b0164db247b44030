"""Write a backup of the database to a file."""

import sqlite3
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError

from django_app import backups, schema
from django_app.management.terminal import TerminalCommand, file_name, reason_of
from django_app.models import Export


class Command(TerminalCommand):
    """``python manage.py backup FILE``; gateways and workers go on meanwhile."""

    help = "Write the whole database, as of one moment, to a file. It has everybody's data."
    example = "python manage.py backup backups/monday.backup"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the file."""
        parser.add_argument(
            "file", type=file_name, help="The file; it is replaced when all is well."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the file, and name what is not in it."""
        target: Path = options["file"]
        try:
            if not schema.applied_migrations():
                raise CommandError("The database is empty; there is nothing to back up.")
            backups.back_up(target)
            exports = Export.objects.exclude(file="").count()
        except (OSError, DatabaseError, sqlite3.Error) as error:
            raise CommandError(f"There is no backup ({reason_of(error)}).") from error
        self.stdout.write(f"Wrote {target} ({target.stat().st_size} bytes).")
        self.stdout.write(
            f"Not in it: the files of {exports} exports, which are in {settings.MEDIA_ROOT}, and"
            " the secret key."
        )
