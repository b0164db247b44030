"""Liveness and readiness, and the reasons for not being ready."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.utils import timezone
from starlette.testclient import TestClient

from framework_gateway.observability.health import Check
from tests.databases import PostgreSQL, SQLite, free_port
from tests.gateways import seen
from tests.servers import serve

READY = {"ready": True, "failures": {}, "warnings": {}}


def ask(check: Check) -> str | None:
    return asyncio.run(check.ask())


def test_liveness_is_200(gateway: TestClient) -> None:
    response = gateway.get("/health/live")
    assert (response.status_code, response.json()) == (200, {"live": True})
    assert response.headers["Cache-Control"] == "no-store"


def test_readiness_warns_if_no_worker_runs(database: SQLite | PostgreSQL) -> None:
    with seen() as gateway:
        response = gateway.client.get("/health/ready")
    assert response.status_code == 200
    warning = "No worker was seen in 10 s; run: python manage.py worker"
    assert response.json() == {**READY, "warnings": {"worker": warning}}
    assert response.headers["Cache-Control"] == "no-store"


def test_a_worker_counts_as_running_while_its_heartbeat_is_recent(
    database: SQLite | PostgreSQL,
) -> None:
    with seen():  # the mount sets Django up
        from django_app.database import find_no_worker
        from django_app.models import LOST, WorkerProcess

        now = timezone.now()
        try:
            WorkerProcess.objects.create(id="w", seen_at=now - timedelta(seconds=LOST + 1))
            assert find_no_worker() is not None
            WorkerProcess.objects.update(seen_at=now)
            assert find_no_worker() is None
        finally:
            WorkerProcess.objects.all().delete()


def test_a_database_without_migrations_is_reported(database: SQLite | PostgreSQL) -> None:
    with seen() as gateway:
        from django.db import connection
        from django.db.migrations.recorder import MigrationRecorder

        recorder = MigrationRecorder(connection)
        newest = max(name for app, name in recorder.applied_migrations() if app == "django_app")
        try:
            recorder.record_unapplied("django_app", newest)
            response = gateway.client.get("/health/ready")
        finally:
            recorder.record_applied("django_app", newest)
            connection.close()
    assert response.status_code == 503
    fault = "The database is not migrated; run: python manage.py prepare"
    assert response.json()["failures"] == {"database": fault}


def test_a_server_without_its_database_is_alive_and_not_ready() -> None:
    import httpx2 as httpx

    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    env = {"GATEWAY_DATABASE_URL": f"postgresql://nobody@127.0.0.1:{free_port()}/none"}
    with serve("gateway", "--port", port, origin=origin, path="/health/live", env=env):
        assert httpx.get(f"{origin}/health/live").status_code == 200
        response = httpx.get(f"{origin}/health/ready")
    assert response.status_code == 503
    assert response.json()["failures"]["database"].startswith("The database cannot be used (")


def test_custom_applications_need_no_database() -> None:
    with seen({}) as gateway:
        response = gateway.client.get("/health/ready")
    assert (response.status_code, response.json()) == (200, READY)


def test_a_stopping_gateway_is_alive_but_not_ready() -> None:
    with seen({}) as gateway:
        gateway.client.app.state.stopping = True  # type: ignore[attr-defined]
        response = gateway.client.get("/health/ready")
        assert response.status_code == 503
        assert response.json()["failures"] == {"gateway": "the gateway is stopping"}
        assert gateway.client.get("/health/live").status_code == 200


@contextmanager
def hanging() -> Iterator[tuple[Check, list[str]]]:
    """Yield a check whose thread is stuck until the block ends, and a list of its calls."""
    released = threading.Event()
    calls: list[str] = []

    def find() -> str | None:
        calls.append("asked")
        released.wait(20)
        return None

    try:
        yield Check(find, timeout=0.05), calls
    finally:
        released.set()


def test_a_check_that_hangs_times_out_and_is_not_repeated() -> None:
    async def ask_twice(check: Check) -> list[str | None]:
        found = [await check.ask(), await check.ask()]
        released()
        return found

    with hanging() as (check, calls):

        def released() -> None:
            check.find = lambda: None

        # Not asyncio.run(), which would wait for the thread.
        loop = asyncio.new_event_loop()
        found = loop.run_until_complete(ask_twice(check))
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    assert found == ["no answer within 0.05 s"] * 2
    assert calls == ["asked"]


def test_the_result_of_a_check_is_cached() -> None:
    calls: list[str] = []

    async def ask_thrice(check: Check) -> None:
        for _ in range(3):
            await check.ask()

    asyncio.run(ask_thrice(Check(lambda: calls.append("asked"), keep=60)))
    assert len(calls) == 1
    asyncio.run(ask_thrice(Check(lambda: calls.append("asked"), keep=0)))
    assert len(calls) == 4


def test_a_check_that_fails_is_a_fault() -> None:
    def find() -> str | None:
        raise RuntimeError("no driver")

    assert ask(Check(find)) == "the check failed: RuntimeError('no driver')"
    assert ask(Check(lambda: "full")) == "full"
    assert ask(Check(lambda: None)) is None


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_a_probe_can_use_head(path: str) -> None:
    with seen({}) as gateway:
        response = gateway.client.head(path)
    assert (response.status_code, response.content) == (200, b"")
