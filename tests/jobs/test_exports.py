"""Background jobs: enqueued by any process, run by workers, never lost if a worker dies."""

import json
import signal
from contextlib import AbstractContextManager
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.conftest import assert_problem
from tests.databases import PostgreSQL, SQLite, free_port
from tests.events.test_export import fill
from tests.servers import ROOT, Server, has_ended, running, serve
from tests.test_admin import create_account, log_in
from tests.wsgi.server import PATIENCE, wait_until

EXPORTS = "/fastapi/api/exports"


def working(**env: str) -> AbstractContextManager[Server]:
    """Run a worker in a process of its own until the block ends."""
    return running("python", ROOT / "manage.py", "worker", env=env)


def enqueue(client: TestClient, **body: Any) -> str:
    """Enqueue an export; return its URL."""
    response = client.post(EXPORTS, json=body)
    assert response.status_code == 202, response.text
    document = response.json()
    address = response.headers["Location"]
    assert address == f"{EXPORTS}/{document['id']}"
    assert document == {
        "id": document["id"],
        "state": "queued",
        "done": 0,
        "total": None,
        "result": None,
    }
    return address


def state(client: TestClient, address: str) -> dict[str, Any]:
    document: dict[str, Any] = client.get(address).json()
    return document


def finished(client: TestClient, address: str) -> dict[str, Any]:
    wait_until(lambda: state(client, address)["state"] in ("finished", "failed"), seconds=60)
    return state(client, address)


@pytest.mark.parametrize(
    ("media_type", "name"), [("application/x-ndjson", "ndjson"), ("text/csv", "csv")]
)
def test_an_export_is_enqueued_made_and_downloaded(
    gateway: TestClient, media_type: str, name: str
) -> None:
    address = enqueue(gateway, media_type=media_type)
    waiting = gateway.get(address)
    assert (waiting.json()["state"], waiting.headers["Retry-After"]) == ("queued", "1")
    assert_problem(gateway.get(f"{address}/result"), 404)
    with working():
        done = finished(gateway, address)
    assert done == {
        "id": address.rpartition("/")[2],
        "state": "finished",
        "done": 2,
        "total": 2,
        "result": f"{address}/result",
    }
    result = gateway.get(done["result"])
    assert result.headers["Content-Disposition"] == f'attachment; filename="users.{name}"'
    stream = gateway.get("/fastapi/api/users/export", headers={"Accept": media_type})
    assert result.content == stream.content


def test_the_format_has_a_default_and_other_values_are_refused(gateway: TestClient) -> None:
    assert gateway.post(EXPORTS).status_code == 202
    assert_problem(gateway.post(EXPORTS, json={"media_type": "text/html"}), 422)
    json = {"Content-Type": "application/json"}
    assert_problem(gateway.post(EXPORTS, content=b"{", headers=json), 400)
    assert_problem(gateway.post(EXPORTS, content=b"{}"), 415)
    too_much = b" " * (10 * 1024 * 1024 + 1)
    assert_problem(gateway.post(EXPORTS, content=too_much, headers=json), 413)
    assert_problem(gateway.get(f"{EXPORTS}/00000000-0000-0000-0000-000000000000"), 404)
    assert_problem(gateway.get(f"{EXPORTS}/nothing"), 404)


def test_the_admin_enqueues_an_export(gateway: TestClient) -> None:
    log_in(gateway, create_account())
    page = "/django/admin/django_app/user/"
    gateway.get(page)
    form = {
        "action": "export_as_csv",
        "_selected_action": "1",
        "csrfmiddlewaretoken": gateway.cookies["csrftoken"],
    }
    assert gateway.post(page, data=form).status_code == 302
    assert "The export is queued" in gateway.get(page).text
    exports = "/django/admin/django_app/export/"
    with working():
        wait_until(lambda: ".csv" in gateway.get(exports).text)


@pytest.mark.slow
def test_a_killed_worker_loses_no_job(gateway: TestClient, database: SQLite | PostgreSQL) -> None:
    fill(database, 300_000)
    address = enqueue(gateway)
    with working() as worker:
        wait_until(lambda: state(gateway, address)["done"] > 0)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    left = state(gateway, address)
    assert left["state"] == "running"
    # Without the events of these users, their number is known only at the end.
    assert left["done"] < 300_002
    assert left["total"] >= left["done"]
    with working(), working():
        done = finished(gateway, address)
    assert (done["state"], done["done"]) == ("finished", 300_002)
    lines = gateway.get(done["result"]).text.splitlines()
    assert len(lines) == 300_002
    assert json.loads(lines[-1])["name"] == "user 300000"


def test_the_total_is_never_less_than_what_is_done(database: SQLite | PostgreSQL) -> None:
    from django_app.jobs import take
    from django_app.models import Export
    from django_app.tasks import order_export, write_users

    order_export("text/csv")
    job = take("worker")
    assert job is not None
    Export.objects.update(total=1)
    assert write_users(BytesIO(), Export.objects.get(), job) == 2
    export = Export.objects.get()
    assert (export.done, export.total) == (2, 2)


def test_a_worker_ends_on_a_signal(gateway: TestClient) -> None:
    address = enqueue(gateway)
    with working() as worker:
        finished(gateway, address)
        worker.terminate()
        assert worker.wait(PATIENCE) == 0


def test_an_export_that_cannot_be_written_fails(gateway: TestClient, tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    address = enqueue(gateway)
    with working(GATEWAY_FILES_DIR=str(tmp_path / "a file")):
        assert finished(gateway, address)["state"] == "failed"
    assert_problem(gateway.get(f"{address}/result"), 404)


def test_yesterday_is_counted_once(gateway: TestClient) -> None:
    from django.utils import timezone

    from django_app.models import DayStatistic, UserEvent

    yesterday = timezone.now() - timedelta(days=1)
    UserEvent.objects.update(at=yesterday)
    for _ in range(2):
        with working():
            wait_until(lambda: DayStatistic.objects.filter(created=2).exists())
    found = DayStatistic.objects.get()
    assert str(found) == str(yesterday.date())
    assert (found.total, found.created, found.changed, found.deleted) == (2, 2, 0, 0)


def test_the_gateway_can_run_a_worker(database: SQLite | PostgreSQL) -> None:
    import httpx2 as httpx

    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    command = ("gateway", "serve", "--with", "python manage.py worker", "--port", port)
    with serve(*command, origin=origin, path="/flask/api/hello") as server:
        (worker,) = server.children
        with httpx.Client(base_url=origin) as client:
            address = client.post(EXPORTS).headers["Location"]
            wait_until(lambda: client.get(address).json()["state"] == "finished")
    wait_until(lambda: has_ended(worker))


def test_a_worker_ends_when_its_gateway_is_killed(
    database: SQLite | PostgreSQL,
) -> None:
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    command = ("gateway", "serve", "--with", "python manage.py worker", "--port", port)
    with serve(*command, origin=origin, path="/flask/api/hello") as server:
        (worker,) = server.children
        server.kill()
        server.wait()
        wait_until(lambda: has_ended(worker))
