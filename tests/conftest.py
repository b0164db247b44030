"""Fixtures: one migrated database, one gateway on it, and each test on fresh rows."""

import logging
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx2 as httpx
import hypothesis
import pytest
from starlette.testclient import TestClient

from framework_gateway import loggers
from framework_gateway.compare.comparer import Comparer
from framework_gateway.compare.findings import Comparison
from framework_gateway.compare.messages import Request
from framework_gateway.compare.targets import Application
from showdown.site import RULES
from tests.databases import PostgreSQL, SQLite, missing, redis_server
from tests.sampling import START_PROGRAMS, leave_out_rest

pytest_plugins = ["tests.browsers"]

FRAMEWORKS = ("flask", "fastapi", "django")

MEMORY = "/dev/shm"
ENOUGH = 4 * 1024**3  # bytes; containers often have only 64 MB

database_key = pytest.StashKey[SQLite | PostgreSQL]()
directory_key = pytest.StashKey[tempfile.TemporaryDirectory[str]]()


# No deadline for an example, because the machine may be busy.
hypothesis.settings.register_profile(
    "suite", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("suite")

# A shell ignores SIGINT in its background jobs, and the programs of the tests would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.addoption(
        "--soak-minutes",
        type=float,
        default=0,
        help="duration of tests/soak; 0: some seconds",
    )


def use_memory_for_files() -> None:
    """Keep the files of the tests in memory, where a commit of SQLite does not wait for a disk."""
    try:
        found = os.statvfs(MEMORY)
    except OSError:
        return
    if found.f_bavail * found.f_frsize >= ENOUGH and os.access(MEMORY, os.W_OK):
        os.environ["TMPDIR"] = tempfile.tempdir = MEMORY


def pytest_configure(config: pytest.Config) -> None:
    """Point the settings at the suite's own database before anything reads them."""
    use_memory_for_files()
    directory = tempfile.TemporaryDirectory(prefix="gateway-")
    kind = PostgreSQL if config.getoption("database") == "postgresql" else SQLite
    config.stash[directory_key] = directory
    config.stash[database_key] = kind(Path(directory.name))
    os.environ["GATEWAY_DATABASE_URL"] = config.stash[database_key].url
    os.environ["GATEWAY_FILES_DIR"] = str(Path(directory.name) / "files")
    os.environ["GATEWAY_SECRET_KEY"] = "only the test suite signs with this key"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`make test` runs half of the tests that start several programs each."""
    here = Path(__file__).parent
    paths = {here / name for name in START_PROGRAMS}
    leave_out_rest([item for item in items if item.path in paths], 2)


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[directory_key].cleanup()


@pytest.fixture(scope="session")
def migrated(request: pytest.FixtureRequest) -> Iterator[SQLite | PostgreSQL]:
    """The database, created and migrated once."""
    database = request.config.stash[database_key]
    with database.run():
        yield database


@pytest.fixture
def database(migrated: SQLite | PostgreSQL) -> SQLite | PostgreSQL:
    """The database with only what ``make run`` creates."""
    migrated.reset()
    return migrated


@pytest.fixture(autouse=True)
def usual_loggers() -> Iterator[None]:
    """Undo ``loggers.install()``: a command that ran in the suite's process takes the loggers."""
    last_resort = logging.lastResort
    yield
    if loggers.ROOT.handlers:
        loggers.ROOT.handlers = []
        logging.root.parent = None
        logging.lastResort = last_resort
        for logger in map(logging.getLogger, loggers.LEVELS):
            logger.__class__ = logging.Logger
            if logger.parent is loggers.ROOT:
                logger.parent = logging.root


@contextmanager
def serving(**settings: Any) -> Iterator[TestClient]:
    """Run a gateway until the block ends; entering the client runs the lifespans."""
    from tests.gateways import compose

    app = compose(**settings)
    with TestClient(
        app, "http://127.0.0.1", raise_server_exceptions=False, follow_redirects=False
    ) as client:
        yield client


@pytest.fixture(scope="session")
def shared_gateway(migrated: SQLite | PostgreSQL) -> Iterator[TestClient]:
    """One gateway for all tests of a process."""
    with serving() as client:
        yield client


@pytest.fixture(scope="session")
def shared_guarded(migrated: SQLite | PostgreSQL) -> Iterator[TestClient]:
    """A gateway where unsafe requests need a permission."""
    with serving(writes="authenticated") as client:
        yield client


def fresh(client: TestClient) -> TestClient:
    """Reset a client, as if it had never sent a request."""
    from django_app.throttling import shared

    client.cookies.clear()
    shared.storage.reset()
    return client


@pytest.fixture
def gateway(shared_gateway: TestClient, database: SQLite | PostgreSQL) -> TestClient:
    """The gateway on a fresh database, with a fresh client."""
    return fresh(shared_gateway)


@pytest.fixture
def guarded(shared_guarded: TestClient, database: SQLite | PostgreSQL) -> TestClient:
    """The same, but unsafe requests need a permission."""
    return fresh(shared_guarded)


@pytest.fixture
def redis() -> Iterator[str]:
    """The URL of a Redis server for this test."""
    with redis_server() as address:
        yield address


@pytest.fixture
def wrk() -> None:
    """Skip the test if wrk, the load generator, is not installed."""
    if not shutil.which("wrk"):
        missing("wrk is not installed (Debian: apt-get install wrk)")


class Api:
    """The users API below one framework's prefix."""

    def __init__(self, client: TestClient, framework: str, database: SQLite | PostgreSQL) -> None:
        self.client = client
        self.reset = database.reset
        self.framework = framework
        self.prefix = f"/{framework}"

    def __call__(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.client.request(method, self.prefix + path, **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self("POST", path, **options)


@pytest.fixture(params=FRAMEWORKS)
def api(request: pytest.FixtureRequest, gateway: TestClient, database: SQLite | PostgreSQL) -> Api:
    """The users API of each framework in turn."""
    return Api(gateway, request.param, database)


@pytest.fixture
def apis(gateway: TestClient, database: SQLite | PostgreSQL) -> list[Api]:
    """The users APIs of all three frameworks, to compare."""
    return [Api(gateway, framework, database) for framework in FRAMEWORKS]


@pytest.fixture
def compare_function(
    gateway: TestClient, database: SQLite | PostgreSQL
) -> Callable[..., Comparison]:
    """Send the same request to all three frameworks, each on fresh rows.

    ``compare``, of the project's own pytest plugin, calls this function.
    """
    targets = [Application(name, gateway.app, f"/{name}") for name in FRAMEWORKS]
    comparer = Comparer(targets, RULES)
    portal = gateway.portal
    assert portal is not None

    def function(method: str, path: str, **options: Any) -> Comparison:
        request = Request.build(method, path, **options)
        return portal.call(partial(comparer.compare, request, before_each=database.reset))

    return function


def assert_problem(response: httpx.Response, status: int, **members: object) -> dict[str, Any]:
    """Check that a response is a problem document as the contract defines it."""
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    # An application without the gateway has no request ids.
    assert document.pop("request_id", None) == response.headers.get("X-Request-ID")
    assert list(document)[:4] == ["type", "title", "status", "detail"]
    assert document["type"] == "about:blank"
    assert document["status"] == status
    assert document["detail"]
    assert set(document) - {"errors"} == {"type", "title", "status", "detail"}
    assert ("errors" in document) == (status == 422)
    for error in document.get("errors", ()):
        assert list(error) == ["pointer", "detail"]
    for name, value in members.items():
        assert document[name] == value
    return document
