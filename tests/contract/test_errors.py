"""Unforeseen errors, and the gateway's own: problem details without internals."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.conftest import assert_problem

SECRET = "the password is hunter2"


def fail(*_args: object) -> Any:
    raise RuntimeError(SECRET)


def flask_failure() -> Any:
    import flask_app

    app = flask_app.create_app()
    app.add_url_rule("/api/fail", view_func=fail)
    return app.test_client().get("/api/fail")


def fastapi_failure() -> Any:
    import fastapi_app

    app = fastapi_app.create_app()
    app.add_api_route("/api/fail", lambda: fail())
    return TestClient(app, raise_server_exceptions=False).get("/api/fail")


def django_failure() -> Any:
    import django_app.wsgi  # noqa: F401, I001  # first, because it sets Django up
    from django.test import Client, override_settings
    from django.urls import path

    from django_app import urls

    broken = ModuleType("broken_urls")
    vars(broken).update(vars(urls), urlpatterns=[path("api/fail", fail)])
    with override_settings(ROOT_URLCONF=broken):
        return Client(raise_request_exception=False, HTTP_HOST="localhost").get("/api/fail")


FAILURES = [flask_failure, fastapi_failure, django_failure]


@pytest.mark.parametrize("failure", FAILURES)
def test_the_response_to_an_unforeseen_error_shows_no_internals(
    failure: Callable[[], Any], caplog: pytest.LogCaptureFixture
) -> None:
    response = failure()
    assert response.status_code == 500
    assert response.headers["Content-Type"] == "application/problem+json"
    body = response.data if hasattr(response, "data") else response.content
    assert body == (
        b'{"type":"about:blank","title":"Internal Server Error","status":500,'
        b'"detail":"Something went wrong on the server; the error has been logged."}'
    )


@pytest.mark.parametrize("failure", [flask_failure, django_failure])
def test_an_unforeseen_error_is_logged(
    failure: Callable[[], Any], caplog: pytest.LogCaptureFixture
) -> None:
    failure()
    assert SECRET in caplog.text


def test_an_unforeseen_error_in_fastapi_reaches_the_server() -> None:
    import fastapi_app

    app = fastapi_app.create_app()
    app.add_api_route("/api/fail", lambda: fail())
    with pytest.raises(RuntimeError, match=SECRET):
        TestClient(app).get("/api/fail")


@pytest.mark.parametrize(
    "path", ["/nothing", "/flaskx/api/users", "/FLASK/api/users", "/api/users", "//flask/api/users"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_a_path_outside_the_mounts_is_not_found(
    gateway: TestClient, method: str, path: str
) -> None:
    response = gateway.request(method, f"http://127.0.0.1{path}")
    assert_problem(response, 404, detail="Nothing is served at this path.")
