"""The members of a club."""

from django.db import models


class Member(models.Model):
    name = models.CharField(max_length=100)
    joined = models.DateField()

    def __str__(self) -> str:
        return self.name
