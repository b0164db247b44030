"""Name the users of the API apart from the accounts; the tables stay as they are."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [("django_app", "0015_figures")]

    operations = [
        migrations.AlterModelOptions(
            "user", options={"ordering": ("id",), "verbose_name": "API user"}
        ),
        migrations.AlterModelOptions(
            "userevent",
            options={"ordering": ("-id",), "verbose_name": "API user event"},
        ),
    ]
