"""Create and migrate the database; in development, add example users and an account."""

import secrets
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError

from contract.key_file import replace_key, write_missing_key
from contract.settings import SECRET_KEY_FILE, get_settings
from django_app import schema
from django_app.exclusive import exclusive
from django_app.management.terminal import TerminalCommand, reason_of, seconds
from django_app.models import User

ARTICLE_USERS = (("Alice", "alice@example.com"), ("Bob", "bob@example.com"))
PATIENCE = 600.0  # seconds to wait for another process that prepares the database


class Command(TerminalCommand):
    """``python manage.py prepare``: run it before each start, on any number of machines at once.

    A run that is killed changes all of a step or nothing of it, and the next run goes on.
    """

    help = "Migrate the database. In development, a new database gets example users and an account."
    example = "python manage.py prepare --wait 60"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        parser.add_argument(
            "--new-key",
            action="store_true",
            help="Replace the file of the secret key: everybody must log in again.",
        )
        parser.add_argument(
            "--wait",
            type=seconds,
            default=PATIENCE,
            metavar="SECONDS",
            help="How long to wait while another process prepares the database (%(default)g).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run every step; existing data stays."""
        if options["new_key"] and "secret_key" in get_settings().model_fields_set:
            raise CommandError("GATEWAY_SECRET_KEY is set, so no file is used; change the variable")
        try:
            with exclusive(self.say, options["wait"]):
                self.prepare_database()
        except (OSError, DatabaseError) as error:
            raise CommandError(
                f"The database cannot be used ({reason_of(error)}). "
                "Start it, or point GATEWAY_DATABASE_URL at another."
            ) from error
        self.prepare_key(replace=options["new_key"])

    def say(self, line: str) -> None:
        """Write a line at once: a process that is killed later has still said it."""
        self.stdout.write(line)
        self.stdout.flush()

    def prepare_database(self) -> None:
        """Create the schema of an empty database, or apply what is missing."""
        applied = schema.applied_migrations()
        schema.refuse_foreign(applied)
        schema.refuse_newer(applied)
        schema.bound_waits()
        if applied:
            names = schema.migrate_each()
            done = f"Applied: {', '.join(names)}." if names else "There was nothing to apply."
            self.say(f"The database is up to date. {done}")
            return
        with schema.one_transaction():
            schema.apply()
            # In production use `createsuperuser`: this would write a password to the log.
            if get_settings().env == "development":
                self.fill()
        self.say("Created the database.")

    def fill(self) -> None:
        """Add the article's users and an account for the admin."""
        User.objects.bulk_create(User(name=name, email=email) for name, email in ARTICLE_USERS)
        password = secrets.token_urlsafe(12)
        get_user_model().objects.create_superuser("admin", password=password)
        # Before the commit: there must be no account whose password nobody has seen.
        self.say("A new database: users Alice and Bob, and an account for the admin.")
        self.say(f"  name admin, password {password} (shown only now)")

    def prepare_key(self, *, replace: bool) -> None:
        """Write a secret key if none is set, so that sessions stay valid after a restart."""
        if "secret_key" in get_settings().model_fields_set:
            return
        try:
            if replace:
                replace_key(SECRET_KEY_FILE)
                self.say(
                    f"Wrote a new secret key to {SECRET_KEY_FILE}. Restart all programs; everybody"
                    " must log in again, and links that were signed with the old key are invalid."
                    " API tokens and passwords stay valid."
                )
            elif write_missing_key(SECRET_KEY_FILE):
                self.say(f"Wrote a secret key to {SECRET_KEY_FILE}.")
        except OSError as error:
            raise CommandError(
                f"The secret key cannot be written ({reason_of(error)})."
                " Set GATEWAY_SECRET_KEY instead."
            ) from error
