"""Replace the database by a backup."""

import sqlite3
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError, connection

from django_app import backups, schema
from django_app.exclusive import exclusive
from django_app.management.commands.prepare import PATIENCE
from django_app.management.terminal import TerminalCommand, file_name, reason_of, seconds
from django_app.models import Export


class Command(TerminalCommand):
    """``python manage.py restore FILE``; then the schema is that of this version."""

    help = "Replace all data by a backup that `manage.py backup` wrote, and migrate it."
    example = "python manage.py restore backups/monday.backup"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the file and the option."""
        parser.add_argument("file", type=file_name, help="A file that `manage.py backup` wrote.")
        parser.add_argument(
            "--wait",
            type=seconds,
            default=PATIENCE,
            metavar="SECONDS",
            help="How long to wait while another process prepares the database (%(default)g).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Check the file, replace the data, migrate, and name the exports without a file."""
        try:
            with exclusive(self.stdout.write, options["wait"]):
                self.restore(options["file"])
        except (OSError, DatabaseError, sqlite3.Error) as error:
            raise CommandError(f"The backup cannot be restored ({reason_of(error)}).") from error

    def restore(self, file: Path) -> None:
        """Replace the database, unless it or the file belongs to something else."""
        schema.refuse_newer(backups.read_migrations(file))
        applied = schema.applied_migrations()
        schema.refuse_foreign(applied)
        if connection.vendor == "postgresql":
            # SQLite's tables are replaced whatever they are; here newer ones would be left over.
            schema.refuse_newer(applied)
        backups.restore(file)
        self.stdout.write(f"Restored {file}.")
        schema.bound_waits()
        if names := schema.migrate_each():
            self.stdout.write(f"Applied: {', '.join(names)}.")
        files = Export.objects.exclude(file="").values_list("file", flat=True)
        if missing := sum(not default_storage.exists(name) for name in files):
            self.stdout.write(f"{missing} exports have no file in {settings.MEDIA_ROOT}.")
