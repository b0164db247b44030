"""Route templates of nested applications: distinct, without the path of any request."""

import json
from pathlib import Path
from typing import Any

import a2wsgi
import httpx2 as httpx
import pytest
from fastapi import APIRouter, FastAPI, WebSocket
from flask import Blueprint, Flask
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Host, Match, Mount, Route, Router
from starlette.staticfiles import StaticFiles
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from framework_gateway import WSGIMiddleware
from framework_gateway.observability import routes
from framework_gateway.observability.routes import matched_route, template
from tests.databases import free_port
from tests.gateways import seen
from tests.servers import running, wait_for
from tests.wsgi.server import wait_until

COUNT = "http_request_duration_seconds_count"


def answer(_request: Request) -> Response:
    return PlainTextResponse("hello")


def items(name: str) -> FastAPI:
    """Return an API with a route, and routers within routers."""
    app = FastAPI(title=name)
    users = APIRouter(prefix="/users")
    users.add_api_route("/{user_id}", lambda user_id: user_id)
    users.mount("/files", Starlette(routes=[Route("/{name:path}", answer)]))

    @users.websocket("/{user_id}/live")
    async def live(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close()

    parent = APIRouter(prefix="/parent")
    parent.include_router(users)
    app.add_api_route("/items/{item_id}", lambda item_id: item_id)
    app.include_router(parent, prefix="/api")
    return app


def hidden(app: Any) -> Any:
    """Wrap an application so that nothing tells its routes."""

    async def outer(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    return outer


def flask_app(name: str) -> Flask:
    """Return an application with blueprints within blueprints."""
    app, inner = Flask(name), Blueprint("inner", name, url_prefix="/inner")
    outer = Blueprint("outer", name, url_prefix="/<lang>/outer")
    inner.add_url_rule("/<int:number>", "show", lambda lang, number: f"{lang} {number}")
    outer.register_blueprint(inner)
    app.register_blueprint(outer, url_prefix="/<lang>/outer")
    app.add_url_rule("/items/<int:number>", "item", lambda number: str(number))
    return app


def fastapi_app() -> FastAPI:
    app = items("outer")
    app.mount("/v1", items("one"))
    app.mount("/v2", items("two"))
    bridged, legacy = (flask_app(name) for name in ("bridged", "legacy"))
    app.mount("/bridged", WSGIMiddleware(bridged))
    app.mount("/legacy", a2wsgi.WSGIMiddleware(legacy))  # type: ignore[arg-type]
    included = APIRouter()
    included.mount("/sub", items("sub"))
    app.include_router(included, prefix="/included")
    return app


def starlette_app() -> Starlette:
    tenants = [
        Route("/users/{user_id}", answer),
        Route("/same/a", answer),
        Route("/same/b", answer),
        Mount("/more", routes=[Route("/{number:int}", answer)]),
    ]
    hosts = Router([Mount("/deep", routes=[Route("/{leaf}", answer)]), Route("/flat/{x}", answer)])
    gzip = [Middleware(GZipMiddleware)]
    return Starlette(
        routes=[
            Mount("/tenants/{tenant}", routes=tenants),
            Mount("/static", StaticFiles(directory=Path(__file__).parent)),
            Mount("/api", items("api")),
            Mount("/wrapped", GZipMiddleware(items("wrapped"))),
            Mount("/middleware", routes=tenants, middleware=gzip),
            Mount("/hidden", hidden(Router([Mount("/{x}", routes=tenants)]))),
            Mount("/plain", hidden(PlainTextResponse("hello"))),
            Host("api.localhost", hosts),
            Host("{sub}.localhost", Starlette(routes=[Mount("/{leaf}/at", app=hosts)])),
            Mount("", routes=[Route("/unprefixed/{x}", answer)]),
        ]
    )


def route_of(app: Any, path: str, host: str = "127.0.0.1") -> str:
    """Return the route in the access line of a request, which the metrics have, too."""
    with seen({"/app": app}, allowed_hosts=["*"]) as gateway:
        gateway.client.get(f"/app{path}", headers={"Host": host, "X-Request-ID": "a"})
        route: str = gateway.line("a")["route"]
        assert gateway.metric(COUNT, framework="app", route=route) == 1
        return route


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/items/1", "/items/{item_id}"),
        ("/v1/items/1", "/v1/items/{item_id}"),
        ("/v2/items/2", "/v2/items/{item_id}"),
        ("/api/parent/users/1", "/api/parent/users/{user_id}"),
        ("/v1/api/parent/users/1", "/v1/api/parent/users/{user_id}"),
        ("/included/sub/items/1", "/included/sub/items/{item_id}"),
        ("/included/sub/api/parent/users/1", "/included/sub/api/parent/users/{user_id}"),
        ("/api/parent/files/a/b", "/api/parent/files/{name}"),
        ("/bridged/items/1", "/bridged/items/{number}"),
        ("/bridged/nothing", "/bridged/{path}"),
        ("/legacy/items/1", "/legacy/{path}"),
        ("/openapi.json", "/openapi.json"),
        ("/v1/docs", "/v1/docs"),
        ("/v1/nothing", "/v1/{path}"),
        ("/nothing", ""),
    ],
)
def test_a_route_of_fastapi_has_the_prefixes_of_its_mounts_and_routers(
    path: str, route: str
) -> None:
    assert route_of(fastapi_app(), path) == route


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/tenants/acme/users/1", "/tenants/{tenant}/users/{user_id}"),
        ("/tenants/acme/more/1", "/tenants/{tenant}/more/{number}"),
        ("/tenants/acme/more/x", "/tenants/{tenant}/more/{path}"),
        ("/tenants/acme/same/a", "/tenants/{tenant}/same/a"),
        ("/tenants/acme/same/b", "/tenants/{tenant}/same/b"),
        ("/tenants/acme/nothing", "/tenants/{tenant}/{path}"),
        ("/static/test_routes.py", "/static/{path}"),
        ("/static/nothing", "/static/{path}"),
        ("/api/items/1", "/api/items/{item_id}"),
        ("/api/docs", "/api/docs"),
        ("/wrapped/api/parent/users/1", "/wrapped/api/parent/users/{user_id}"),
        ("/middleware/more/1", "/middleware/more/{number}"),
        # Nothing tells the mount in the middle.
        ("/hidden/secret/users/1", "/hidden/{path}/users/{user_id}"),
        ("/hidden/secret/nothing", "/hidden/{path}"),
        ("/plain/secret", "/plain/{path}"),
        ("/unprefixed/1", "/unprefixed/{x}"),
        ("/nothing", "/{path}"),  # below the mount at ""
    ],
)
def test_a_route_of_starlette_has_the_templates_of_its_mounts(path: str, route: str) -> None:
    assert route_of(starlette_app(), path) == route


@pytest.mark.parametrize(
    ("host", "path", "route"),
    [
        ("api.localhost", "/flat/1", "/flat/{x}"),
        ("api.localhost", "/deep/1", "/deep/{leaf}"),
        ("shop.localhost", "/secret/at/deep/1", "/{leaf}/at/deep/{leaf}"),
        ("127.0.0.1", "/deep/1", "/{path}"),
    ],
)
def test_a_route_below_a_host_does_not_have_its_name(host: str, path: str, route: str) -> None:
    assert route_of(starlette_app(), path, host) == route


def test_a_websocket_has_a_route() -> None:
    with seen({"/app": fastapi_app()}) as gateway:
        headers = {"X-Request-ID": "a"}
        url = "ws://127.0.0.1/app/v1/api/parent/users/1/live"
        with gateway.client.websocket_connect(url, headers=headers):
            pass
        assert gateway.line("a")["route"] == "/v1/api/parent/users/{user_id}/live"


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/items/1", "/items/{number}"),
        ("/de/outer/inner/1", "/{lang}/outer/inner/{number}"),
        ("/a/items/1", "/a/items/{number}"),
        ("/b/items/1", "/b/items/{number}"),
        ("/b/c/de/outer/inner/1", "/b/c/{lang}/outer/inner/{number}"),
        ("/b/c/nothing", "/b/c/{path}"),
        ("/nothing", ""),
    ],
)
def test_a_route_of_flask_has_the_prefixes_of_blueprints_and_dispatchers(
    path: str, route: str
) -> None:
    outer, inner = flask_app("outer"), flask_app("b")
    inner.wsgi_app = DispatcherMiddleware(  # type: ignore[method-assign]
        inner.wsgi_app, {"/c": flask_app("c")}
    )
    outer.wsgi_app = DispatcherMiddleware(  # type: ignore[method-assign]
        outer.wsgi_app, {"/a": flask_app("a"), "/b": inner}
    )
    assert route_of(outer, path) == route


def test_a_prefix_that_clients_choose_is_not_in_the_route() -> None:
    shop = flask_app("shop")

    def by_tenant(environ: Any, start_response: Any) -> Any:
        _, tenant, path = environ["PATH_INFO"].split("/", 2)
        environ["SCRIPT_NAME"] += f"/{tenant}"
        environ["PATH_INFO"] = f"/{path}"
        return shop(environ, start_response)

    with seen({"/app": by_tenant}) as gateway:
        for number in range(20):
            gateway.client.get(f"/app/tenant{number}/items/{number}")
            gateway.client.get(f"/app/tenant{number}/nothing")
        labels = {"framework": "app", "route": "/{prefix}/items/{number}"}
        wait_until(lambda: gateway.metric(COUNT, framework="app") == 40)
        assert gateway.metric(COUNT, **labels) == gateway.metric(COUNT, framework="app", route="")
        assert "tenant1" not in gateway.client.get("/metrics").text


def test_many_tenants_have_one_template_and_one_series() -> None:
    with seen({"/app": starlette_app()}) as gateway:
        for number in range(20):
            gateway.client.get(f"/app/tenants/{number}/users/{number}")
        route = "/tenants/{tenant}/users/{user_id}"
        wait_until(lambda: gateway.metric(COUNT, framework="app", route=route) == 20)


def test_a_routing_class_that_fails_does_not_fail_the_request() -> None:
    class Choosy(Mount):
        def matches(self, scope: Any) -> tuple[Match, Any]:
            scope["session"]  # only in a request
            return super().matches(scope)

    inside: list[BaseRoute] = [Route("/{x}", answer)]
    choosy = Router([Choosy("/choosy", routes=inside)])

    async def with_session(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope["session"] = {}
            await choosy(scope, receive, send)

    with seen({"/app": with_session}) as gateway:
        response = gateway.client.get("/app/choosy/1", headers={"X-Request-ID": "a"})
        assert (response.status_code, gateway.line("a")["route"]) == (200, "")


def test_the_mounts_are_matched_again_once_for_each_prefix(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    followed: list[str] = []
    follow = routes.follow

    def count(*args: Any) -> Any:
        followed.append(args[2])
        return follow(*args)

    monkeypatch.setattr(routes, "follow", count)
    with seen({"/app": starlette_app()}) as gateway:
        for number in range(10):
            gateway.client.get(f"/app/tenants/acme/users/{number}")
        wait_until(lambda: gateway.metric(COUNT, framework="app") == 10)
    # From the root of the application, and from there to the tenant.
    assert followed == ["/app/tenants/acme"] * 2


@pytest.mark.parametrize(
    ("route", "uniform"),
    [
        ("users/<int:id>", "/users/{id}"),
        ("/users/{id:int}", "/users/{id}"),
        (r"^api/^users/(?P<id>[0-9]+)/$", "/api/users/{id}/"),
        (r"api/(?P<name>(a|b)[^/]*)\.(?P<format>json|xml)\Z", "/api/{name}.{format}"),
        ("admin/(?P<url>.*)$", "/admin/{url}"),
        ("^about/$", "/about/"),
    ],
)
def test_a_template_has_one_form(route: str, uniform: str) -> None:
    assert template(route) == uniform


def test_a_route_without_a_router_is_unknown() -> None:
    assert matched_route({"type": "http", "path": "/a", "endpoint": answer}, {}) == ""


# A project in one module. It does not name its routes in the environ.
SITE = """
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import include, path, re_path
from starlette.applications import Starlette
from starlette.routing import Mount

from framework_gateway import WSGIMiddleware

def view(request, **parameters):
    return HttpResponse("hello")

versions = [
    path("items/<int:number>/", view),
    re_path(r"^old/(?P<name>[a-z]+)/$", view),
]
urlpatterns = [
    path("", view),
    path("api/", include([path("v1/", include(versions)), path("<slug:any>/", include(versions))])),
]
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="any")
site_app = get_wsgi_application()
async_app = get_asgi_application()
nested_app = Starlette(
    routes=[Mount("/wsgi", WSGIMiddleware(site_app)), Mount("/asgi", async_app)]
)
"""


def test_a_route_of_django_has_the_prefixes_of_its_includes(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(SITE)
    port = free_port()
    names = ("site", "nested", "async")
    mounts = [word for name in names for word in ("--mount", f"/{name}=own:{name}_app")]
    expected = {
        "/site/": "/",
        "/site/api/v1/items/1/": "/api/v1/items/{number}/",
        "/site/api/other/items/1/": "/api/{any}/items/{number}/",
        "/site/api/v1/old/abc/": "/api/v1/old/{name}/",
        "/site/nothing": "",
        "/nested/wsgi/api/v1/items/1/": "/wsgi/api/v1/items/{number}/",
        "/nested/wsgi/nothing": "/wsgi/{path}",
        "/nested/asgi/api/v1/items/1/": "/asgi/api/v1/items/{number}/",
        "/nested/asgi/nothing": "/asgi/{path}",
        "/async/api/v1/old/abc/": "/api/v1/old/{name}/",
    }
    env = {"GATEWAY_ENV": "production", "GATEWAY_ALLOWED_HOSTS": "127.0.0.1"}
    options = ("--only-mounts", *mounts, "--port", port)
    with running("gateway", *options, cwd=tmp_path, env=env) as process:
        wait_for(process, f"http://127.0.0.1:{port}/health/live")
        for path in expected:
            httpx.get(f"http://127.0.0.1:{port}{path}")

        def lines() -> dict[str, str]:
            found = [json.loads(line) for line in process.output.splitlines() if '"route"' in line]
            return {line["path"]: line["route"] for line in found}

        wait_until(lambda: lines().keys() >= expected.keys())
        assert {path: lines()[path] for path in expected} == expected
