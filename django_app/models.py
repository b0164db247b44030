"""The users table: this model and its migrations own it for all three frameworks."""

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


class User(models.Model):
    """A person in the users API; accounts of the admin are ``django.contrib.auth``'s."""

    name = models.CharField(max_length=MAX_NAME)
    email = models.EmailField(max_length=MAX_EMAIL, unique=True)
    # The database fills it in, so that Flask and FastAPI need not know how.
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "users"
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"

    def clean(self) -> None:
        """Hold the admin's forms to the rules of the API."""
        try:
            values = UserInput(name=self.name, email=self.email)
        except PydanticValidationError as error:
            raise ValidationError(
                {str(item["loc"][0]): item["msg"] for item in error.errors()}
            ) from error
        self.name, self.email = values.name, values.email


class UserEvent(models.Model):
    """A change of a user: the outbox, which triggers of the database fill.

    They do so in the transaction of the change and whoever makes it, so none is ever missing.
    """

    class Action(models.TextChoices):
        """What happened."""

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

    def __str__(self) -> str:
        return f"{self.name} <{self.email}> {self.action} by {self.framework}"


class WebhookMessage(models.Model):
    """A webhook that has been processed; its id is taken once."""

    id = models.CharField(max_length=256, primary_key=True)
    received_at = models.DateTimeField(db_default=Now(), db_index=True)

    class Meta:
        db_table = "webhook_messages"

    def __str__(self) -> str:
        return self.id


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    """Tokens, by what they are still good for."""

    def valid(self) -> Self:
        """Leave out what is revoked or has expired."""
        now = timezone.now()
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)

    def revoke(self) -> int:
        """Revoke each that is not revoked yet; return how many."""
        return self.filter(revoked_at=None).update(revoked_at=timezone.now())


class ApiToken(models.Model):
    """A key to the API for a program of somebody's; only its digest is stored."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100, help_text="What it is for, such as the device.")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    read_only = models.BooleanField(
        default=False, db_default=False, help_text="It is good for GET, HEAD and OPTIONS only."
    )
    ends_with_password = models.BooleanField(
        default=True, db_default=True, help_text="A new password of the owner revokes it."
    )
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="It is not accepted any more from then on."
    )
    revoked_at = models.DateTimeField(null=True, editable=False)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        db_table = "api_tokens"
        ordering = ("-id",)
        verbose_name = "API token"

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a new token that has expired already."""
        if self._state.adding and self.expires_at and self.expires_at <= timezone.now():
            raise ValidationError({"expires_at": "This time has passed."})


class Export(models.Model):
    """An export of all users to a file: the order, its progress, and the result."""

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
    """What happened on one day, counted in the night after it."""

    day = models.DateField(primary_key=True)
    total = models.IntegerField()
    created = models.IntegerField()
    changed = models.IntegerField()
    deleted = models.IntegerField()

    class Meta:
        db_table = "day_statistics"
        ordering = ("-day",)

    def __str__(self) -> str:
        return str(self.day)


LOST = 10.0  # seconds without a sign of life until a worker's job is given to another


class WorkerProcess(models.Model):
    """A process that runs background jobs, and when it was last alive."""

    id = models.CharField(max_length=64, primary_key=True)
    seen_at = models.DateTimeField()

    class Meta:
        db_table = "worker_processes"

    def __str__(self) -> str:
        return self.id
