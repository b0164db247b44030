"""The tables. These models and their migrations own the schema for all three applications."""

import hashlib
import secrets
from typing import Self
from uuid import uuid4

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from pydantic import ValidationError as PydanticValidationError

from contract.schemas import MAX_EMAIL, MAX_NAME, UserInput
from django_app.managers import UserManager


class User(models.Model):
    """A user of the users API; the accounts of the admin are ``django.contrib.auth``'s."""

    name = models.CharField(max_length=MAX_NAME)
    email = models.EmailField(max_length=MAX_EMAIL, unique=True)
    # A default of the database, so that it also applies to inserts by Flask and FastAPI.
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    # Name and email without the differences of case, for searches; triggers keep it.
    folded = models.TextField(db_default="", editable=False)

    objects = UserManager()

    class Meta:
        db_table = "users"
        ordering = ("id",)
        verbose_name = "API user"  # the admin also has accounts
        indexes = (models.Index(fields=["created_at", "id"], name="users_created_at"),)
        constraints = (
            models.CheckConstraint(condition=models.Q(id__gt=0), name="users_id_positive"),
        )

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"

    def clean(self) -> None:
        """Apply the rules of the API to the forms of the admin."""
        try:
            values = UserInput(name=self.name, email=self.email)
        except PydanticValidationError as error:
            raise ValidationError(
                {str(item["loc"][0]): item["msg"] for item in error.errors()}
            ) from error
        self.name, self.email = values.name, values.email


class UserEvent(models.Model):
    """A change of a user. The table is an outbox, which triggers of the database fill.

    A trigger writes the event in the transaction of the change, whichever application makes the
    change, so no event is ever missing.
    """

    class Action(models.TextChoices):
        """The kinds of change."""

        CREATED = "created"
        CHANGED = "changed"
        DELETED = "deleted"

    at = models.DateTimeField(db_default=Now())
    action = models.CharField(max_length=7, choices=Action)
    # No foreign key: the event outlives the user.
    user_id = models.BigIntegerField()
    name = models.CharField(max_length=MAX_NAME)
    email = models.EmailField(max_length=MAX_EMAIL)
    framework = models.CharField(max_length=63)

    class Meta:
        db_table = "user_events"
        ordering = ("-id",)
        verbose_name = "API user event"

    def __str__(self) -> str:
        return f"{self.name} <{self.email}> {self.action} by {self.framework}"


class WebhookMessage(models.Model):
    """The id of a processed webhook; the primary key prevents a second processing."""

    id = models.CharField(max_length=256, primary_key=True)
    received_at = models.DateTimeField(db_default=Now(), db_index=True)

    class Meta:
        db_table = "webhook_messages"

    def __str__(self) -> str:
        return self.id


class WebhookSubject(models.Model):
    """The time of the newest webhook about an email address; older ones change nothing."""

    email = models.EmailField(max_length=MAX_EMAIL, primary_key=True)
    sent_at = models.DateTimeField()
    received_at = models.DateTimeField(db_default=Now(), db_index=True)

    class Meta:
        db_table = "webhook_subjects"

    def __str__(self) -> str:
        return self.email


def digest_of(key: str) -> str:
    """Return the stored digest of a token's key.

    The key is long and random, so a fast hash is enough.
    """
    return hashlib.sha256(key.encode()).hexdigest()


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    """Tokens that are valid, and how to revoke them."""

    def valid(self) -> Self:
        """Return the tokens that are neither revoked nor expired."""
        now = timezone.now()
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)

    def revoke(self) -> int:
        """Revoke the tokens that are not yet revoked; return their number."""
        return self.filter(revoked_at=None).update(revoked_at=timezone.now())


class ApiToken(models.Model):
    """A key with which a program uses the API as its owner; only the digest is stored.

    Attributes:
        key: the key itself, only on the instance that created it.
    """

    key: str | None = None

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100, help_text="What the token is for, such as a device.")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    read_only = models.BooleanField(
        default=False, db_default=False, help_text="Allow only GET, HEAD and OPTIONS."
    )
    ends_with_password = models.BooleanField(
        default=True,
        db_default=True,
        help_text="Revoke the token when its owner's password changes.",
    )
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="When the token expires; empty: never."
    )
    revoked_at = models.DateTimeField(null=True, editable=False)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        db_table = "api_tokens"
        ordering = ("-id",)
        verbose_name = "API token"

    def __str__(self) -> str:
        return self.name

    def create_key(self) -> None:
        """Create a random key and keep its digest."""
        self.key = f"gw_{secrets.token_urlsafe(32)}"
        self.digest = digest_of(self.key)


class Export(models.Model):
    """An export of all users to a file: its state, its progress, and the name of the file."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    media_type = models.CharField(max_length=50)
    ordered_at = models.DateTimeField(db_default=Now())
    task_id = models.UUIDField(null=True)
    total = models.IntegerField(null=True)
    done = models.IntegerField(db_default=0)
    file = models.CharField(max_length=200, db_default="")
    finished_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=200, db_default="")

    class Meta:
        db_table = "exports"
        ordering = ("-ordered_at",)

    def __str__(self) -> str:
        return f"{self.media_type} of {self.ordered_at:%Y-%m-%d %H:%M}"


class DayStatistic(models.Model):
    """The changes of one day, and the number of users after them; see ``figures``."""

    day = models.DateField(primary_key=True)
    total = models.IntegerField()
    created = models.IntegerField(db_default=0)
    changed = models.IntegerField(db_default=0)
    deleted = models.IntegerField(db_default=0)

    class Meta:
        db_table = "day_statistics"
        ordering = ("-day",)

    def __str__(self) -> str:
        return str(self.day)


class FrameworkCount(models.Model):
    """The number of changes by one framework; see ``figures``."""

    framework = models.CharField(max_length=63, primary_key=True)
    changes = models.BigIntegerField(db_default=0)

    class Meta:
        db_table = "framework_counts"

    def __str__(self) -> str:
        return self.framework


class Watermark(models.Model):
    """The event up to which the figures are stored; the only row has the id 1."""

    id = models.SmallIntegerField(primary_key=True)
    event_id = models.BigIntegerField(db_default=0)

    class Meta:
        db_table = "watermarks"

    def __str__(self) -> str:
        return str(self.event_id)


LOST = 10.0  # seconds without a renewal after which another worker takes over the jobs


class WorkerProcess(models.Model):
    """A process that runs background jobs, and when it last renewed its lease.

    The time is that of the database's clock.
    """

    id = models.CharField(max_length=64, primary_key=True)
    seen_at = models.DateTimeField()

    class Meta:
        db_table = "worker_processes"

    def __str__(self) -> str:
        return self.id
