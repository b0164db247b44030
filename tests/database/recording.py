"""Record the statements of this version, for the test that runs them on the next schema.

Run ``python -m tests.database.recording FILE`` on a new database, at each release, with
``GATEWAY_DATABASE_URL``: once for SQLite and once for PostgreSQL.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db.backends.signals import connection_created
from psycopg.types.json import Jsonb
from sqlalchemy import Engine, event
from starlette.testclient import TestClient

from django_app.project import set_up

FRAMEWORKS = ("flask", "fastapi", "django")
VERBS = ("SELECT", "INSERT", "UPDATE", "DELETE")


def main() -> None:
    """Write the distinct statements and their parameters to a file, in their order."""
    found: dict[str, Any] = {}

    def note(statement: str, parameters: Any) -> None:
        if statement.lstrip().startswith(VERBS) and "pg_catalog" not in statement:
            found.setdefault(statement, parameters)

    @event.listens_for(Engine, "before_cursor_execute")
    def note_sqlalchemy(_1: Any, _2: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        note(statement, parameters)

    def execute(run: Callable[..., Any], statement: str, parameters: Any, *rest: Any) -> Any:
        note(statement, parameters)
        return run(statement, parameters, *rest)

    def watch(*, connection: Any, **_: Any) -> None:
        connection.execute_wrappers.append(execute)

    set_up()
    from django.core.management import call_command

    call_command("prepare")
    connection_created.connect(watch)
    from django.db import connection

    connection.close()
    use()
    text = json.dumps([*found.items()], indent=1, default=plain)
    Path(sys.argv[1]).write_text(text + "\n")


def plain(value: Any) -> str:
    """Return a parameter as the text that the driver sends."""
    return json.dumps(value.obj) if isinstance(value, Jsonb) else str(value)


def use() -> None:
    """Use what gateways and workers use."""
    from django.contrib.auth import get_user_model
    from django.utils import timezone

    from django_app.models import ApiToken, Export, WorkerProcess
    from django_app.tasks import enqueue_pending_exports, export_users
    from tests.gateways import compose

    token = ApiToken(owner=get_user_model().objects.get(), name="recorder")
    token.create_key()
    token.save()
    with TestClient(compose(), "http://127.0.0.1") as client:
        client.headers["Authorization"] = f"Bearer {token.key}"
        for name in FRAMEWORKS:
            use_api(client, f"/{name}/api")
        for path in ("/fastapi/api/users/export", "/health/ready", "/django/admin/login/"):
            client.get(path)
        client.post("/fastapi/api/exports")
    WorkerProcess.objects.update_or_create(id="recorder", defaults={"seen_at": timezone.now()})
    enqueue_pending_exports()
    export_users.call(str(Export.objects.get().id))


def use_api(client: TestClient, prefix: str) -> None:
    """Send each kind of request to one framework."""
    user = {"name": "Recorded", "email": f"recorded@{prefix.split('/')[1]}.example.com"}
    created = client.post(f"{prefix}/users", json=user)
    assert created.status_code == 201, created.text
    address = created.headers["Location"]
    client.get(f"{prefix}/users")
    client.get(f"{prefix}/users?search=rec&after=1&limit=2")
    client.get(address)
    client.put(address, json=user)
    client.patch(address, json={"name": "Changed"})
    client.get(f"{prefix}/me")
    client.delete(address)


if __name__ == "__main__":
    main()
