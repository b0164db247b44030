"""The users table for the small Django project."""

from typing import ClassVar

from django.db import models


class User(models.Model):
    """The columns that the list shows."""

    name = models.CharField(max_length=100)
    email = models.EmailField(unique=True)

    # Django's own; mypy does not find it, because the model belongs to no installed app.
    objects: ClassVar[models.Manager["User"]] = models.Manager()

    class Meta:
        app_label = "slim"
        db_table = "users"
        ordering = ("id",)


FIELDS = ("id", "name", "email")
