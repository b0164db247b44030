"""Create and migrate the database; in development, add example users and an account."""

import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection, transaction

from contract.settings import SECRET_KEY_FILE, get_settings
from django_app.models import User

ARTICLE_USERS = (("Alice", "alice@example.com"), ("Bob", "bob@example.com"))


class Command(BaseCommand):
    """``python manage.py prepare``; it is safe to run before each start."""

    help = "Migrate the database. In development, a new database gets example users and an account."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run every step; existing data stays."""
        try:
            if connection.vendor == "sqlite":
                file = Path(settings.DATABASES["default"]["NAME"])
                file.parent.mkdir(parents=True, exist_ok=True)
            new = not connection.introspection.table_names()
            call_command("migrate", verbosity=0)
        except (OSError, DatabaseError) as error:
            reason = str(error).strip().splitlines()[0]
            raise CommandError(
                f"The database cannot be used ({reason}). "
                "Start it, or point GATEWAY_DATABASE_URL at another."
            ) from error
        write_secret_key()
        # In production use `createsuperuser`: this would write a password to the log.
        if new and get_settings().env == "development":
            self.fill()

    @transaction.atomic
    def fill(self) -> None:
        """Add the article's users and an account for the admin."""
        User.objects.bulk_create(User(name=name, email=email) for name, email in ARTICLE_USERS)
        password = secrets.token_urlsafe(12)
        get_user_model().objects.create_superuser("admin", password=password)
        self.stdout.write("A new database: users Alice and Bob, and an account for the admin.")
        self.stdout.write(f"  name admin, password {password} (shown only now)")


def write_secret_key() -> None:
    """Write a secret key if none is set, so that sessions stay valid after a restart."""
    if "secret_key" not in get_settings().model_fields_set and not SECRET_KEY_FILE.exists():
        SECRET_KEY_FILE.parent.mkdir(parents=True, exist_ok=True)
        SECRET_KEY_FILE.touch(mode=0o600)
        SECRET_KEY_FILE.write_text(secrets.token_urlsafe(50))
