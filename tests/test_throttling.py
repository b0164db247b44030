"""Too many requests to the admin, or too many passwords, get 429; other clients are unaffected."""

import time

import httpx2 as httpx
import pytest
from starlette.testclient import TestClient

from tests.conftest import FRAMEWORKS, assert_problem
from tests.databases import free_port
from tests.test_admin import LOGIN, NAME, PASSWORD, create_account

ATTEMPTS = 10  # a minute
VISITS = 300

FULLWIDTH = "".join(
    chr(ord(letter) + 0xFEE0) for letter in NAME
)  # other characters, but the same name after normalisation
HOME, ELSEWHERE = "198.51.100.7", "203.0.113.9"


class Visitor(TestClient):
    """A client with an address on the internet."""

    def __init__(self, gateway: TestClient, address: str) -> None:
        super().__init__(
            gateway.app, "http://127.0.0.1", client=(address, 1), follow_redirects=False
        )
        self.get(LOGIN)

    def log_in(self, name: str = NAME, password: str = "wrong") -> httpx.Response:
        form = {"username": name, "password": password}
        return self.post(LOGIN, data={**form, "csrfmiddlewaretoken": self.cookies["csrftoken"]})

    def use_up(self, name: str = NAME) -> None:
        """Use up all allowed attempts."""
        for _ in range(ATTEMPTS):
            # An empty password is refused without hashing, which would take time.
            assert self.log_in(name, "").status_code == 200


class Clock:
    """A clock that tests can put forward."""

    ahead = 0.0  # seconds

    def time(self) -> float:
        return time.time() + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the limits on attempts."""
    clock = Clock()
    for module in ("limits.storage.memory", "django_app.throttling"):
        monkeypatch.setattr(f"{module}.time", clock)
    return clock


def assert_must_wait(response: httpx.Response, kind: str) -> None:
    document = assert_problem(response, 429)
    seconds = int(response.headers["Retry-After"])
    assert 1 <= seconds <= 60
    detail = f"Too many requests of this {kind}; try again in {seconds} seconds."
    assert document["detail"] == detail


def test_too_many_attempts_are_refused_even_with_the_right_password(gateway: TestClient) -> None:
    create_account(PASSWORD)
    visitor = Visitor(gateway, HOME)
    visitor.use_up()
    assert_must_wait(visitor.log_in(password=PASSWORD), "address")
    assert "sessionid" not in visitor.cookies


def test_attempts_on_many_names_from_one_address_are_counted_together(gateway: TestClient) -> None:
    visitor = Visitor(gateway, HOME)
    for number in range(ATTEMPTS):
        assert visitor.log_in(f"name-{number}", "").status_code == 200
    assert_must_wait(visitor.log_in("another", ""), "address")


@pytest.mark.parametrize("spelling", [NAME, NAME.upper(), f" {NAME}\t", FULLWIDTH])
def test_attempts_on_one_account_from_many_addresses_are_counted_together(
    gateway: TestClient, spelling: str
) -> None:
    Visitor(gateway, HOME).use_up()
    assert_must_wait(Visitor(gateway, ELSEWHERE).log_in(spelling, ""), "account")


def test_other_clients_can_log_in_meanwhile(gateway: TestClient) -> None:
    create_account(PASSWORD)
    Visitor(gateway, HOME).use_up("somebody-else")
    assert Visitor(gateway, ELSEWHERE).log_in(password=PASSWORD).status_code == 302


@pytest.mark.parametrize(
    ("other", "status"),
    [
        ("2001:db8:0:1:ffff::9", 429),
        ("2001:db8:0:2::1", 200),
    ],
)
def test_an_ipv6_network_is_one_client(gateway: TestClient, other: str, status: int) -> None:
    Visitor(gateway, "2001:db8:0:1::1").use_up()
    assert Visitor(gateway, other).log_in("another", "").status_code == status


def test_ipv4_mapped_addresses_are_separate_clients(gateway: TestClient) -> None:
    Visitor(gateway, f"::ffff:{HOME}").use_up()
    assert Visitor(gateway, f"::ffff:{ELSEWHERE}").log_in("another", "").status_code == 200


def test_after_a_minute_the_right_password_is_accepted(gateway: TestClient, clock: Clock) -> None:
    create_account(PASSWORD)
    visitor = Visitor(gateway, HOME)
    visitor.use_up()
    # Refused attempts do not extend the wait.
    for _ in range(ATTEMPTS):
        assert visitor.log_in().status_code == 429
    clock.ahead = 61
    assert visitor.log_in(password=PASSWORD).status_code == 302


def test_forged_forms_do_not_count_as_attempts(gateway: TestClient) -> None:
    visitor = Visitor(gateway, HOME)
    for _ in range(ATTEMPTS + 1):
        assert visitor.post(LOGIN, data={"username": NAME}).status_code == 403
    assert visitor.log_in(password="").status_code == 200


def test_requests_to_the_whole_admin_are_limited(gateway: TestClient) -> None:
    visitor = Visitor(gateway, HOME)
    for _ in range(VISITS - 1):
        assert visitor.get("/django/admin/").status_code == 302
    assert_must_wait(visitor.get(LOGIN), "client")
    for framework in FRAMEWORKS:
        assert visitor.get(f"/{framework}/api/users").status_code == 200
    assert visitor.get("/django/static/admin/css/base.css").status_code == 200
    assert gateway.get(LOGIN).status_code == 200


def test_several_processes_count_together_in_redis(
    redis: str, gateway: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django_app import throttling

    monkeypatch.setattr(throttling, "shared", throttling.limiter(redis))
    Visitor(gateway, HOME).use_up()
    # Another process has its own connections, and nothing of this process's memory.
    monkeypatch.setattr(throttling, "shared", throttling.limiter(redis))
    assert_must_wait(Visitor(gateway, HOME).log_in(password=""), "address")
    assert_must_wait(Visitor(gateway, ELSEWHERE).log_in(password=""), "account")
    assert Visitor(gateway, ELSEWHERE).log_in("another", "").status_code == 200


def test_without_redis_each_process_counts_separately(
    gateway: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django_app import throttling

    away = throttling.limiter(f"redis://127.0.0.1:{free_port()}")
    monkeypatch.setattr(throttling, "shared", away)
    monkeypatch.setattr(throttling, "own", throttling.limiter("memory://"))
    visitor = Visitor(gateway, HOME)
    visitor.use_up()
    assert_must_wait(visitor.log_in(password=""), "address")
