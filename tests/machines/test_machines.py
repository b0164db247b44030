"""Several machines: gateways behind nginx that are killed and stopped under load."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2 as httpx
import psycopg
import pytest
from websockets.asyncio.client import connect

from tests.conftest import FRAMEWORKS, assert_problem
from tests.databases import NUMBER_EVENTS
from tests.machines.cluster import THREADS, WORKERS, Cluster
from tests.machines.nginx import HOST
from tests.machines.traffic import LISTENERS, Traffic
from tests.servers import running
from tests.test_webhooks import PATH, headers_for
from tests.wsgi.server import wait_until

MESSAGE = {"type": "user.created", "data": {"name": "Carol", "email": "carol@example.com"}}

# Methods that nginx does not retry on the other gateway after one has died.
LOST = {("POST", 502), ("PATCH", 502)}

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """The machines, shared by all tests; each test leaves them serving."""
    with tempfile.TemporaryDirectory(prefix="gateway-") as directory:
        cluster = Cluster(Path(directory))
        with cluster.running():
            yield cluster


@asynccontextmanager
async def traffic_on(cluster: Cluster) -> AsyncIterator[Traffic]:
    """Load the site during the block; then check that nothing is lost."""

    def make_client() -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=cluster.origin,
            headers={"Host": HOST, "Authorization": f"Bearer {cluster.token}"},
            verify=cluster.trust,
            timeout=30,
        )

    traffic = Traffic(make_client, last_event(cluster))
    async with traffic.listening():
        async with traffic.running():
            yield traffic
        await traffic.catch_up(last_event(cluster))
    assert_nothing_lost(cluster, traffic)


def last_event(cluster: Cluster) -> int:
    with psycopg.connect(cluster.database.url) as connection:
        connection.execute(NUMBER_EVENTS)
        row = connection.execute("SELECT coalesce(max(id), 0) FROM user_events").fetchone()
    return int(row[0]) if row else 0


def assert_nothing_lost(cluster: Cluster, traffic: Traffic) -> None:
    """Compare acknowledged writes and received events with the database."""
    with psycopg.connect(cluster.database.url) as connection:
        names: dict[int, str] = dict(connection.execute("SELECT id, name FROM users").fetchall())
        events = connection.execute(
            "SELECT id FROM user_events WHERE id > %s ORDER BY id", [traffic.first]
        ).fetchall()
    assert traffic.names
    wrong = {user for user, may_be in traffic.names.items() if names.get(user, "") not in may_be}
    assert not wrong
    for seen in traffic.seen:
        assert seen[1:] == [event for (event,) in events]
    # Each listener was disconnected at least once, and reconnected.
    assert traffic.connections >= 2 * LISTENERS


async def test_machines_that_die_stop_and_restart_lose_nothing(cluster: Cluster) -> None:
    first, second = cluster.gateways
    async with traffic_on(cluster) as traffic:
        await traffic.answers()
        assert traffic.take_failures() == []

        await asyncio.to_thread(first.kill)
        await traffic.answers()
        await asyncio.to_thread(first.start)
        await traffic.answers()
        # Requests on the killed gateway: it is unknown whether a write was done. A response is
        # cut off (0) if nginx had forwarded its head, and the body never came.
        unexpected = [
            failure
            for failure in traffic.take_failures()
            if failure.status and (failure.method, failure.status) not in LOST
        ]
        assert unexpected == []

        assert await asyncio.to_thread(second.stop) == 0
        await traffic.answers()
        assert traffic.take_failures() == []
        await asyncio.to_thread(second.start)

        await asyncio.to_thread(cluster.database.stop)
        await outage(traffic)
        await asyncio.to_thread(cluster.database.start)
        await traffic.answers()
        assert {failure.status for failure in traffic.take_failures()} == {503}
        await traffic.answers()
        assert traffic.take_failures() == []
        assert_connections_fit(cluster)


async def outage(traffic: Traffic) -> None:
    """Wait until each framework has reported that the database is down."""
    async with asyncio.timeout(30):
        while {failure.path.split("/")[1] for failure in traffic.failures} < {*FRAMEWORKS}:
            await asyncio.sleep(0.01)  # polling interval


def assert_connections_fit(cluster: Cluster) -> None:
    """Check the most connections of each process, as documented in docs/operations.md."""
    with psycopg.connect(cluster.database.url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        ).fetchone()
    assert row
    assert row[0] <= len(cluster.gateways) * WORKERS * (3 * THREADS + 2)


def test_prepare_creates_no_accounts_or_users_in_production(cluster: Cluster) -> None:
    assert cluster.prepared == "Created the database.\n"
    with psycopg.connect(cluster.database.url) as connection:
        found = "SELECT name FROM users WHERE name IN ('Alice', 'Bob')"
        assert connection.execute(found).fetchall() == []
        accounts = connection.execute("SELECT email FROM auth_user").fetchall()
    assert accounts == [("",)]  # made afterwards, by createsuperuser


def test_an_export_made_on_one_machine_can_be_downloaded_from_any(cluster: Cluster) -> None:
    command = ("python", "-m", "django", "worker", "--settings", "django_app.settings")
    with running(*command, env=cluster.env), cluster.client() as client:
        client.headers["Authorization"] = f"Bearer {cluster.token}"
        order = client.post("/fastapi/api/exports").headers["Location"]
        wait_until(lambda: client.get(order).json()["state"] == "finished")
        # nginx alternates between the gateways.
        results = [client.get(f"{order}/result") for _ in range(4)]
    assert [result.status_code for result in results] == [200] * 4
    assert len({result.content for result in results}) == 1


def test_a_webhook_sent_to_all_machines_at_once_is_processed_once(cluster: Cluster) -> None:
    content = json.dumps(MESSAGE).encode()
    headers = headers_for(content, message="to all")
    before = last_event(cluster)
    with cluster.client() as client, ThreadPoolExecutor(8) as threads:
        answers = [
            threads.submit(client.post, PATH, content=content, headers=headers) for _ in range(8)
        ]
        assert {answer.result().status_code for answer in answers} == {204}
    assert last_event(cluster) == before + 1


async def test_websockets_work_through_nginx(cluster: Cluster) -> None:
    # Not from the first event on: a client with many unread events does not read pongs either.
    address = f"wss://{HOST}/fastapi/api/users/live?after={last_event(cluster)}"
    async with connect(address, host="127.0.0.1", port=cluster.https, ssl=cluster.trust) as live:
        await (await live.ping())
        user = await asyncio.to_thread(add_user, cluster)
        async with asyncio.timeout(20):
            assert json.loads(await live.recv())["user"] == user


def add_user(cluster: Cluster) -> dict[str, object]:
    with cluster.client() as client:
        client.headers["Authorization"] = f"Bearer {cluster.token}"
        new = {"name": "Dora", "email": "dora@example.com"}
        user: dict[str, object] = client.post("/django/api/users", json=new).json()
        return user


def test_metrics_and_readiness_are_not_public(cluster: Cluster) -> None:
    with cluster.client() as client:
        for path in ("/metrics", "/metrics/", "//metrics", "/%6Detrics", "/health/ready"):
            assert client.get(cluster.origin + path).status_code == 404, path


def test_nginx_limits_only_login_attempts(cluster: Cluster) -> None:
    login = "/django/admin/login/"
    with cluster.client() as client:
        tries = [client.post(login) for _ in range(15)]
        assert_problem(tries[-1], 429, title="Too Many Requests")
        assert tries[0].status_code != 429
        assert client.get(login).status_code == 200


def test_plain_http_is_redirected_to_https(cluster: Cluster) -> None:
    answer = httpx.post(f"http://127.0.0.1:{cluster.http}/a?b=c", headers={"Host": HOST})
    assert (answer.status_code, answer.headers["Location"]) == (308, f"https://{HOST}/a?b=c")


def test_nginx_refuses_a_body_that_is_too_large_with_a_problem_document(
    cluster: Cluster,
) -> None:
    with cluster.client() as client:
        answer = client.post("/flask/api/users", content=b"x" * 12 * 1024 * 1024)
        assert_problem(answer, 413, title="Content Too Large")
