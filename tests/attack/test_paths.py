"""Paths and hosts that could lead to another mount, another page, or another site."""

import pytest

from tests.assets import STATIC
from tests.attack.client import HELLO, Target
from tests.conftest import FRAMEWORKS

# Each is sent to one mount and aims at the admin.
CONFUSING = [
    "/{mount}/../django/admin/",
    "/{mount}/..%2fdjango/admin/",
    "/{mount}/%2e%2e/django/admin/",
    "/{mount}/.%2e/django/admin/",
    "/{mount}/%2e%2e%2fdjango%2fadmin%2f",
    "/{mount}/api/./../../django/admin/",
    "/{mount}/..;/django/admin/",
    "/{mount}/..%5cdjango%5cadmin/",
    "/{mount}/..\\django\\admin\\",
    "/{mount}/%252e%252e/django/admin/",
    "/{mount}/%c0%ae%c0%ae/django/admin/",
    "/{mount}/%c0%af..%c0%afdjango/admin/",
    "/{mount}/%e0%80%af../django/admin/",
    "/{mount}/%uff0e%uff0e/django/admin/",
    "/{mount}%2f..%2fdjango/admin/",
    "/{mount}/%00/../django/admin/",
    "/{mount}/api/users/%2e%2e",
    "//{mount}/../django/admin/",
    "/{mount}//../../django/admin/",
]


@pytest.mark.parametrize("path", CONFUSING)
def test_no_path_leads_from_one_mount_to_another(target: Target, path: str) -> None:
    for mount in FRAMEWORKS:
        answer = target.ask(f"GET {path.format(mount=mount)} HTTP/1.1")
        assert answer.status in (400, 404), mount
        assert b"/django/admin/" not in answer.body
        assert answer.header("Location") is None


@pytest.mark.parametrize(
    "path",
    [
        *("//flask/api/hello", "/Flask/api/hello", "/FLASK/api/hello", "/flask%2fapi/hello"),
        *("/%2fflask/api/hello", "/flask;a=1/api/hello", "/flaskx/api/hello", "/flask./api/hello"),
        *("/flask%00/api/hello", "/flask%20/api/hello", "/%66lask%2fapi%2fhello"),
        *("/flask\\api\\hello", "/.flask/api/hello", "/flask%ff/api/hello", "/a/flask/api/hello"),
    ],
)
def test_a_mount_is_reached_only_by_its_exact_prefix(target: Target, path: str) -> None:
    answer = target.ask(f"GET {path} HTTP/1.1")
    assert answer.status in (400, 404)
    assert answer.body != HELLO


@pytest.mark.parametrize("mount", FRAMEWORKS)
@pytest.mark.parametrize(
    "path",
    [
        *("/api//hello", "/api/hello//", "/api/hello;a=1", "/API/hello", "/api/hello%00"),
        *("/api/hello%2f..", "/api/hello%0d%0aX-Evil:1", "/api/hello.json"),
        *("/api/users/1%00", "/api/users/1;", "/api/users/01", "/api/users/+1", "/api/users/1e0"),
        *("/api/users/-1", "/api/users/9223372036854775808", "/api/users/" + "9" * 5000),
        *("/api/users/%D9%A1", "/api/users/1%0a", "/api/users/1%20", "/api/users/1/../2"),
    ],
)
def test_no_mount_serves_an_altered_path(target: Target, mount: str, path: str) -> None:
    answer = target.ask(f"GET /{mount}{path} HTTP/1.1")
    assert answer.status in (400, 404)
    assert answer.header("Content-Type") == "application/problem+json"
    assert answer.header("X-Evil") is None


@pytest.mark.parametrize(
    "path",
    [
        f"{STATIC}/../gateway.py",
        f"{STATIC}/%2e%2e/gateway.py",
        f"{STATIC}/..%2fsite.py",
        f"{STATIC}//etc/passwd",
        f"{STATIC}/%2fetc%2fpasswd",
        "/fastapi/static-offline-docs/../main.py",
        "/fastapi/static-offline-docs/..%2fcore.py",
        "/django/static/../settings.py",
        "/django/static/admin/..%2f..%2fmanage.py",
        "/django/static/%2e%2e/%2e%2e/var/secret_key",
    ],
)
def test_only_static_files_are_served(target: Target, path: str) -> None:
    assert target.ask(f"GET {path} HTTP/1.1").status in (400, 404)


@pytest.mark.parametrize(
    "path",
    [
        *("/compare/../django/admin/", "/compare/%2e%2e/%2e%2e/health/ready", "/compare//evil/"),
        *("/compare/http://evil.example/", "/compare/@evil.example/", "/compare/%0d%0aX-Evil:%201"),
        "/compare/api/users/1%3f@evil.example",
    ],
)
def test_a_comparison_requests_only_paths_below_the_mounts(target: Target, path: str) -> None:
    answer = target.ask(f"GET {path} HTTP/1.1")
    assert answer.status in (200, 400, 404)
    assert b'"status":200' not in answer.body


@pytest.mark.parametrize(
    "line",
    [
        *("GET http://evil.example/flask/api/hello HTTP/1.1", "GET http://127.0.0.1 HTTP/1.1"),
        *("GET http://127.0.0.1@evil.example/flask/api/hello HTTP/1.1", "GET http:// HTTP/1.1"),
        *("GET ftp://127.0.0.1/flask/api/hello HTTP/1.1", "GET flask/api/hello HTTP/1.1"),
        *("GET http:///flask/api/hello HTTP/1.1", "GET http://[::1/ HTTP/1.1", "GET ? HTTP/1.1"),
        *("CONNECT 127.0.0.1:22 HTTP/1.1", "CONNECT evil.example:443 HTTP/1.1", "GET  HTTP/1.1"),
    ],
)
def test_a_request_target_for_another_host_is_refused(target: Target, line: str) -> None:
    assert target.ask(line).status == 400


def test_a_request_target_with_this_host_is_served(target: Target) -> None:
    assert target.ask("GET http://127.0.0.1/flask/api/hello HTTP/1.1").body == HELLO


@pytest.mark.parametrize("mount", FRAMEWORKS)
@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "127.0.0.1.evil.example", "evil.example:80", "127.0.0.1@evil.example"),
        *("127.0.0.1, evil.example", "127.0.0.1/evil", "127.0.0.1\tevil", "", "127.0.0.1:80:80"),
        *("127.0.0.1\r\nHost: 127.0.0.1", "127.0.0.1\r\nHost: evil.example"),
    ],
)
def test_a_foreign_or_ambiguous_host_is_refused(target: Target, mount: str, host: str) -> None:
    lines = [f"GET /{mount}/api/hello HTTP/1.1", f"Host: {host}", "Connection: close", "", ""]
    [answer] = target.send("\r\n".join(lines).encode())
    assert answer.status == 400


@pytest.mark.parametrize(
    "path",
    [
        *("/django/admin", "/django/admin//evil.example", "/django//evil.example", "/django"),
        "/django/admin/?next=//evil.example",
        "/django/admin/login/?next=https://evil.example/",
        "/django/admin/login/?next=//evil.example",
        "/django/admin/login/?next=%5C%5Cevil.example",
        "/django/admin/login/?next=/%09/evil.example",
        "/django/admin/r/1/1/",
        *("/django/admin/django_app/user", "/fastapi/docs/", "/fastapi", "/flask", "/static"),
        *("//evil.example/%2e%2e", "//evil.example", "/%5cevil.example", "/fastapi//evil.example/"),
    ],
)
@pytest.mark.parametrize("slash", ["", "/"])
def test_every_redirect_stays_on_this_host(target: Target, path: str, slash: str) -> None:
    answer = target.ask(f"GET {path}{slash} HTTP/1.1")
    location = answer.header("Location")
    if location is not None:
        assert location.startswith(("/", "http://127.0.0.1/"))
        assert not location.startswith(("//", "/\\"))
    assert answer.status < 500


def test_the_login_redirects_only_to_this_host(target: Target) -> None:
    from tests.test_admin import LOGIN, NAME, PASSWORD, create_account

    create_account(PASSWORD)
    for index, place in enumerate(("//evil.example", "https://evil.example/", "\\\\evil.example")):
        csrf = "x" * 32
        form = f"csrfmiddlewaretoken={csrf}&username={NAME}&password={PASSWORD.replace(' ', '+')}"
        body = f"{form}&next={place}".encode()
        answer = target.ask(
            *(f"POST {LOGIN} HTTP/1.1", f"Cookie: csrftoken={csrf}"),
            *("Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"),
            body=body,
        )
        assert answer.status == 302, index
        assert answer.header("Location") == "/accounts/profile/"
