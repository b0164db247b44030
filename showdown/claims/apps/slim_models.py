"""The users table for the small Django project."""

from django.db import models


class User(models.Model):
    """The columns that the list shows."""

    name = models.CharField(max_length=100)
    email = models.EmailField(unique=True)

    class Meta:
        app_label = "slim"
        db_table = "users"
        ordering = ("id",)


FIELDS = ("id", "name", "email")
