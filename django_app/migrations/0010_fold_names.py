"""Fold the names of the users that exist, in short transactions; a second run continues."""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

PAGE = 1000  # users folded at once


def fold(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    users = apps.get_model("django_app", "User").objects
    last = 0
    while True:
        ids = users.filter(id__gt=last, folded="").order_by("id").values_list("id", flat=True)
        ids = [*ids[:PAGE]]
        if not ids:
            return
        # The triggers fold on each write of the name. Nobody's change is lost: the name stays.
        users.filter(id__gt=last, id__lte=ids[-1], folded="").update(name=models.F("name"))
        last = ids[-1]


class Migration(migrations.Migration):

    # One transaction each time, so that writers need not wait for all of them.
    atomic = False

    dependencies = [("django_app", "0009_folded_names_and_positive_ids")]

    operations = [migrations.RunPython(fold, migrations.RunPython.noop)]
