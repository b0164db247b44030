"""On PostgreSQL, events get their numbers after the commit, so writers do not wait for each other."""

from django.db import migrations

from django_app.migrations import _numbering


class Migration(migrations.Migration):

    dependencies = [("django_app", "0011_webhook_subjects")]

    operations = [migrations.RunPython(_numbering.create, _numbering.drop)]
