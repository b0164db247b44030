"""Searches read an index, which triggers keep on SQLite."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from django_app.migrations import _search


def create(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    _search.create(schema_editor)


def drop(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    _search.drop(schema_editor)


class Migration(migrations.Migration):

    dependencies = [("django_app", "0012_number_events")]

    operations = [migrations.RunPython(create, drop)]
