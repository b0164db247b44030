"""Where applications are mounted: at the root, behind proxies, and with options of their own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from fastapi import Request as FastAPIRequest
from flask import Flask, request
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount as Below
from starlette.testclient import TestClient

from framework_gateway import Admission, Config, Gateway, Mount
from tests.databases import SQLite, free_port
from tests.servers import serve

CONFIG = Config(allowed_hosts=["*"]).model_copy(update={"trusted_proxies": ["testclient"]})


def flask_application(name: str) -> Flask:
    app = Flask(name)

    @app.route("/", defaults={"path": ""}, methods=["GET", "HEAD", "POST"])
    @app.route("/<path:path>")
    def show(path: str) -> dict[str, Any]:
        return {
            "name": name,
            "path": request.path,
            "root": request.script_root,
            "url": request.base_url,
            "authorization": request.headers.get("Authorization"),
        }

    return app


def fastapi_application(name: str) -> FastAPI:
    app = FastAPI()

    @app.api_route("/{path:path}", methods=["GET", "HEAD", "POST"])
    def show(path: str, request: FastAPIRequest) -> dict[str, Any]:
        return {
            "name": name,
            "path": f"/{path}",
            "root": request.scope["root_path"],
            "url": str(request.url),
            "authorization": request.headers.get("Authorization"),
        }

    return app


KINDS = [flask_application, fastapi_application]


@pytest.fixture(params=KINDS, ids=["wsgi", "asgi"])
def kind(request: pytest.FixtureRequest) -> Any:
    return request.param


# The root


@pytest.fixture
def at_root(kind: Any) -> Iterator[TestClient]:
    applications = {"/": kind("old"), "/api": kind("new"), "/api/v2": kind("newest")}
    with TestClient(Gateway(applications, config=CONFIG), "http://gateway") as client:
        yield client


@pytest.mark.parametrize(
    ("path", "name", "below"),
    [
        ("/", "old", "/"),
        ("/orders", "old", "/orders"),
        ("/apis", "old", "/apis"),
        ("/health/other", "old", "/health/other"),
        ("/code", "old", "/code"),
        ("/api/orders", "new", "/orders"),
        ("/api/v2/orders", "newest", "/orders"),
        ("/api/v20", "new", "/v20"),
    ],
)
def test_an_application_at_the_root_has_what_no_other_has(
    at_root: TestClient, path: str, name: str, below: str
) -> None:
    seen = at_root.get(path).json()
    assert (seen["name"], seen["path"]) == (name, below)
    assert seen["url"] == f"http://gateway{path}"


def test_health_and_metrics_stay_the_gateways(at_root: TestClient) -> None:
    assert at_root.get("/health/live").json() == {"live": True}
    assert at_root.get("/health/ready").json()["ready"] is True
    at_root.get("/orders")
    metrics = at_root.get("/metrics").text
    assert 'mount_open{mount="root"} 0.0' in metrics
    assert 'mount_open{mount="gateway"}' not in metrics


# A prefix without a slash


@pytest.mark.parametrize("root_path", ["", "/outer"])
def test_a_page_at_the_prefix_is_redirected_to_where_its_relative_links_work(
    kind: Any, root_path: str
) -> None:
    app = Gateway({"/site/docs": kind("site")}, config=CONFIG)
    with TestClient(app, "http://gateway", root_path=root_path, follow_redirects=False) as client:
        for method in ("GET", "HEAD"):
            found = client.request(method, f"{root_path}/site/docs?a=1&b=%20")
            assert (found.status_code, found.headers["Location"]) == (307, "docs/?a=1&b=%20")
            address = urljoin(f"http://gateway{root_path}/site/docs", found.headers["Location"])
            assert client.request(method, address).status_code == 200
        assert client.post(f"{root_path}/site/docs").json()["path"] == "/"


def test_a_mount_can_do_without_the_redirect(kind: Any) -> None:
    app = Gateway([Mount("/site", kind("site"), redirect=False)], config=CONFIG)
    with TestClient(app, follow_redirects=False) as client:
        assert client.get("/site").json()["path"] == "/"


# Prefixes that a proxy removes


@pytest.mark.parametrize(
    ("given", "root"),
    [
        ({}, ""),
        ({"X-Forwarded-Prefix": "/outer"}, "/outer"),
        ({"X-Forwarded-Prefix": "/outer/"}, "/outer"),
        ({"X-Forwarded-Prefix": "/one, /two"}, "/one/two"),
        ({"X-Forwarded-Prefix": "//evil.example"}, ""),
        ({"X-Forwarded-Prefix": "/a/../b"}, ""),
        ({"X-Forwarded-Prefix": "/<script>"}, ""),
        ({"X-Forwarded-Prefix": "https://evil.example"}, ""),
        ({"X-Forwarded-Prefix": "/" + "a" * 300}, ""),
    ],
)
def test_the_prefix_of_a_trusted_proxy_leads_back_through_it(
    kind: Any, given: dict[str, str], root: str
) -> None:
    with TestClient(Gateway({"/shop": kind("shop")}, config=CONFIG), "http://gateway") as client:
        seen = client.get("/shop/orders", headers=given).json()
    assert (seen["root"], seen["path"]) == (f"{root}/shop", "/orders")
    assert seen["url"] == f"http://gateway{root}/shop/orders"


def test_the_prefix_of_anybody_else_is_ignored(kind: Any) -> None:
    app = Gateway({"/shop": kind("shop")}, config=Config(allowed_hosts=["*"]))
    with TestClient(app, "http://gateway") as client:
        seen = client.get("/shop/orders", headers={"X-Forwarded-Prefix": "/outer"}).json()
    assert seen["url"] == "http://gateway/shop/orders"


def test_the_root_path_of_the_settings_is_replaced_by_that_of_a_proxy(kind: Any) -> None:
    config = CONFIG.model_copy(update={"root_path": "/outer"})
    with TestClient(Gateway({"/shop": kind("shop")}, config=config), "http://gateway") as client:
        assert client.get("/shop/orders").json()["url"] == "http://gateway/outer/shop/orders"
        other = client.get("/shop/orders", headers={"X-Forwarded-Prefix": "/other"}).json()
        assert other["url"] == "http://gateway/other/shop/orders"
        assert client.get("/shop").url.path == "/shop/"


@pytest.mark.parametrize("path", ["outer", "//outer", "/../outer", "/out er", "http://outer"])
def test_a_root_path_that_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ValidationError, match="must be a path such as /outer"):
        Config(root_path=path)


# Login


class Refusing(Admission):
    """Refuses every request that it is asked about."""

    def __init__(self) -> None:
        async def nobody(_credential: str, _permissions: Any) -> None:
            return None

        super().__init__(nobody, nobody, lambda _scope: True, cookie="id", needs=lambda *_: ())


def test_the_login_covers_only_the_mounts_that_ask_for_it(kind: Any) -> None:
    mounts = [Mount("/own", kind("own")), Mount("/guarded", kind("guarded"), login=True)]
    with TestClient(Gateway(mounts, config=CONFIG, admit=Refusing())) as client:
        headers = {"Authorization": "Bearer own.jwt.token", "Cookie": "id=1; id=2"}
        own = client.get("/own/", headers=headers)
        assert (own.status_code, own.json()["authorization"]) == (200, "Bearer own.jwt.token")
        assert client.post("/own/").status_code == 200
        assert client.get("/guarded/", headers=headers).status_code in (400, 401)
        assert client.post("/guarded/").status_code == 401


# Options


def test_options_of_a_mount_win_over_the_settings(kind: Any) -> None:
    mounts = [Mount("/small", kind("small"), max_body_size=3), Mount("/usual", kind("usual"))]
    with TestClient(Gateway(mounts, config=CONFIG)) as client:
        assert client.post("/small/", content=b"1234").status_code == 413
        assert client.post("/usual/", content=b"1234").status_code == 200


def test_an_application_that_ignores_its_root_path_can_get_a_path_without_it() -> None:
    async def ignorant(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        seen = [scope["path"], scope["raw_path"].decode(), scope["root_path"]]
        await JSONResponse(seen)(scope, receive, send)

    mounts = [Mount("/chat", ignorant, strip_prefix=True), Mount("/usual", ignorant)]
    with TestClient(Gateway(mounts, config=CONFIG), root_path="/outer") as client:
        assert client.get("/outer/chat/a%20b").json() == ["/a b", "/a%20b", ""]
        assert client.get("/outer/chat/").json() == ["/", "/", ""]
        usual = ["/outer/usual/a b", "/outer/usual/a%20b", "/outer/usual"]
        assert client.get("/outer/usual/a%20b").json() == usual


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(ValidationError, match="thread"):
        Mount("/shop", flask_application("shop"), thread=8)


def test_a_mount_can_have_a_timeout_of_its_own() -> None:
    async def never(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        while True:
            await receive()

    mounts = [Mount("/never", never, request_timeout=0.2)]
    with TestClient(Gateway(mounts, config=CONFIG)) as client:
        assert client.get("/never/").status_code == 504


@pytest.mark.parametrize("page_headers", [False, True])
def test_a_page_can_be_embedded_unless_the_mount_says_otherwise(page_headers: bool) -> None:
    app = Flask("page")
    app.get("/")(lambda: "<!doctype html>")
    mounts = [Mount("/page", app, page_headers=page_headers)]
    with TestClient(Gateway(mounts, config=CONFIG)) as client:
        headers = client.get("/page/").headers
        assert ("X-Frame-Options" in headers) is page_headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        # The gateway's own pages
        assert client.get("/").headers["X-Frame-Options"] == "DENY"


def test_a_gateway_below_another_application_keeps_its_prefix(kind: Any) -> None:
    inner = Gateway({"/shop": kind("shop")}, config=CONFIG)
    outer = Starlette(routes=[Below("/outer", inner)])
    seen = TestClient(outer, "http://gateway").get("/outer/shop/orders").json()
    assert seen["url"] == "http://gateway/outer/shop/orders"


OWN = """
from flask import Flask, request

app = Flask(__name__)
app.route("/", methods=["GET", "POST"])(lambda: "own " + request.headers.get("Cookie", ""))
"""


def test_an_own_application_can_take_the_place_of_one_of_the_three(
    tmp_path: Path, database: SQLite
) -> None:
    (tmp_path / "own.py").write_text(OWN)
    origin = f"http://127.0.0.1:{(port := free_port())}"
    command = ("gateway", "serve", "--port", port, "--mount", "/django=own:app")
    env = {"PYTHONPATH": str(tmp_path), "GATEWAY_WRITES": "authenticated"}
    with serve(*command, origin=origin, path="/health/live", env=env) as server:
        headers = {"Cookie": "sessionid=own"}
        assert httpx.get(f"{origin}/django/", headers=headers).text == "own sessionid=own"
        assert httpx.post(f"{origin}/django/", headers=headers).text == "own sessionid=own"
        # The others still ask Django who sends a request.
        assert httpx.get(f"{origin}/flask/api/users/1", headers=headers).status_code == 200
        token = {"Authorization": "Bearer nobody"}
        assert httpx.get(f"{origin}/fastapi/api/users/1", headers=token).status_code == 401
        assert httpx.get(f"{origin}/health/ready").status_code == 200
        assert f"/django    {origin}/django/" in server.output
        assert "/django/api/users" not in server.output


def test_options_can_be_given_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    origin = f"http://127.0.0.1:{(port := free_port())}"
    command = ("gateway", "serve", "--only-mounts", "--port", port, "--mount", "/own=own:app")
    options = ("--mount-option", "/own:max-body-size=3", "--root-path", "/outer")
    with serve(*command, *options, origin=origin, path="/own/", cwd=tmp_path):
        assert httpx.post(f"{origin}/own/", content=b"1234").status_code == 413
        assert httpx.get(f"{origin}/own", follow_redirects=False).headers["Location"] == "own/"
