"""The pages as HTML: their content and links, and that they load nothing from other hosts."""

import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from framework_gateway import Config, Gateway
from framework_gateway.pages.site import Site
from showdown.examples import EXAMPLES
from tests.compare import applications
from tests.conftest import FRAMEWORKS
from tests.servers import ROOT

STATIC = [("library", "framework_gateway/pages/static"), ("showdown", "showdown/static")]
PAGES = ("", "code", "race", "routes", "claims", "live", "guide")


class Elements(HTMLParser):
    """The elements of a page and their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    @property
    def addresses(self) -> list[str]:
        every = [attrs.get("href") or attrs.get("src") for _, attrs in self.found]
        return [address for address in every if address and not address.startswith("#")]


@pytest.fixture(params=["", "/outer"])
def client(request: pytest.FixtureRequest, gateway: TestClient) -> TestClient:
    """The gateway at the root, and behind a proxy's prefix."""
    base = f"http://127.0.0.1{request.param}"
    return TestClient(gateway.app, base, root_path=request.param, raise_server_exceptions=False)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_has_a_strict_content_security_policy(client: TestClient, page: str) -> None:
    response = client.get(f"/{page}")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    for tag, attrs in Elements(response.text).found:
        assert "style" not in attrs
        assert not [name for name in attrs if name.startswith("on")]
        assert tag != "style"
        assert tag != "script" or attrs.get("src") or attrs["type"] == "application/json"


@pytest.mark.parametrize("page", PAGES)
def test_no_link_is_broken(client: TestClient, page: str) -> None:
    base = str(client.base_url)
    addresses = Elements(client.get(f"/{page}").text).addresses
    assert len(addresses) > len(PAGES)
    for address in {*addresses}:
        url = urljoin(f"{base}/", address)
        assert urlsplit(url).netloc == "127.0.0.1"
        assert url.startswith(base)
        if re.search(r"/django/admin/(logout|autocomplete)/|/users/events$|/api/me$", url):
            continue  # POST only, AJAX only, endless, or only after a login
        assert client.get(url).status_code < 400, url


def test_scripts_and_styles_are_plain_files(client: TestClient) -> None:
    page = Elements(client.get("/").text)
    (style,) = [address for address in page.addresses if address.endswith("/style.css")]
    directory = style.removesuffix("style.css").removeprefix(str(client.base_url.path).rstrip("/"))
    names = {file.name for _, folder in STATIC for file in (ROOT / folder).iterdir()}
    assert names >= {"send.js", "compare.js", "race.js", "live.js", "dom.js"}
    for name in {*names, "highlight.css"}:
        response = client.get(f"{directory}{name}")
        assert response.status_code == 200
        assert re.match("text/(javascript|css)|image/svg", response.headers["Content-Type"])
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert "http://" not in response.text.replace("http://www.w3.org/2000/svg", "")
        assert "https://" not in response.text


@pytest.mark.parametrize("page", PAGES)
def test_every_page_has_a_description_a_title_and_its_data(client: TestClient, page: str) -> None:
    text = client.get(f"/{page}").text
    (description,) = [
        attrs["content"]
        for tag, attrs in Elements(text).found
        if tag == "meta" and attrs.get("name") == "description"
    ]
    assert description
    assert re.search(r"<title>[^·<]+ · .+</title>", text)
    document = client.get(f"/{page or 'index'}.json")
    assert document.headers["Content-Type"] == "application/json"
    assert isinstance(document.json(), dict)


def test_the_data_is_what_the_page_shows(gateway: TestClient) -> None:
    routes = gateway.get("/routes.json").json()
    assert [table["prefix"] for table in routes["tables"]] == ["/flask", "/fastapi", "/django"]
    code = gateway.get("/code.json?operation=GET+/api/hello&diff=flask,django").json()
    assert [source["target"] for source in code["sources"]] == ["flask", "fastapi", "django"]
    assert "def hello" in code["sources"][0]["code"]
    assert code["difference"].startswith("--- flask_app/")
    assert gateway.get("/index.json").json()["start"] == "/api/users"


def test_the_icon_is_served_to_pages_without_one(client: TestClient) -> None:
    response = client.get("/favicon.ico")
    assert response.headers["Content-Type"] == "image/svg+xml"
    assert response.text.startswith("<svg")


def site_of(client: TestClient) -> Site:
    """The pages of a gateway."""
    return Site(client.app.mounts, 1000)  # type: ignore[attr-defined]


def test_every_operation_is_an_example_and_has_its_source_three_times(gateway: TestClient) -> None:
    operations = site_of(gateway).operations
    assert len(operations) == 9
    offered = {
        f"{one.method} {re.sub('/[0-9]+', '/{user_id}', one.path.partition('?')[0])}"
        for one in EXAMPLES
    }
    assert {*operations} <= offered
    for name, operation in operations.items():
        assert [endpoint.mount[1:] for endpoint in operation.endpoints] == [*FRAMEWORKS]
        text = gateway.get("/code", params={"operation": name}).text
        places = re.findall(r"<code>(\w+/\w+\.py):(\d+)</code> (\d+) lines", text)
        assert len(places) == 3
        for file, line, count in places:
            written = (ROOT / file).read_text().splitlines()[int(line) - 1]
            assert re.match(r"\s*(@|def |async def )", written)
            assert 1 < int(count) < 30


def test_the_source_is_highlighted_text(gateway: TestClient) -> None:
    text = gateway.get("/code?operation=GET+/api/hello").text
    assert text.count('<span class="kn">') == 0
    assert text.count('<div class="highlight">') >= 3
    assert len(re.findall("Hello, World!", text)) >= 3


def test_an_unknown_operation_shows_the_first(gateway: TestClient) -> None:
    text = gateway.get("/code?operation=<script>").text
    assert "<script>" not in text.replace('<script type="module"', "")
    assert re.search('aria-current="true">.*GET.* /api/users</a>', text)


def test_routes_lists_what_every_application_serves(gateway: TestClient) -> None:
    text = gateway.get("/routes").text
    for name in FRAMEWORKS:
        for path in ("/api/users", "/api/users/{user_id}", "/api/hello", "/api/wait"):
            assert f"/{name}{path}<" in text
    assert "/django/admin/django_app/user/{object_id}/change/" in text
    assert "/fastapi/openapi.json" in text
    assert "/fastapi/static-offline-docs/{path}" in text
    for link in ("Swagger UI", "ReDoc", "Admin"):
        assert f">{link}</a>" in text
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        assert f'<span class="method method-{method}">{method}</span>' in text
    assert "/fastapi/docs#/users/list_users" in text


def test_the_guide_has_a_row_for_each_choice(gateway: TestClient) -> None:
    text = gateway.get("/guide").text
    for name in ("Flask", "FastAPI", "Django"):
        assert f"<td>{name}</td>" in text
    assert text.count("<a href") >= 14


def test_custom_applications_have_pages() -> None:
    from gateway import create_app

    mounts = {"/old": applications.legacy, "/new": applications.main, "/gone": "no_such:app"}
    client = TestClient(create_app(applications=mounts), "http://127.0.0.1")
    page = client.get("/").text
    assert [
        attrs["data-target"]
        for tag, attrs in Elements(page).found
        if tag == "section" and "data-target" in attrs
    ] == [
        "old",
        "new",
        "gone",
    ]
    assert "share no operation" in client.get("/code").text
    routes = client.get("/routes").text
    assert "The routes of this application are unknown." in routes
    assert "/new/echo" in routes
    assert "there is no module" in routes
    assert "Swagger" not in routes
    assert "/django/admin" not in client.get("/guide").text
    assert client.get("/live").status_code == 404
    assert "/live" not in page


@pytest.mark.parametrize(
    ("options", "status"),
    [({}, 200), ({"env": "production"}, 403), ({"env": "production", "pages": "open"}, 200)],
)
def test_a_gateway_without_accounts_closes_the_sending_pages_in_production(
    options: dict[str, Any], status: int
) -> None:
    config = Config(allowed_hosts=["127.0.0.1"], **options)
    app = Gateway({"/old": applications.main, "/new": applications.main}, config=config)
    client = TestClient(app, "http://127.0.0.1")
    for path in ("/", "/race", "/compare/"):
        assert client.get(path).status_code == status
    for path in ("/code", "/routes"):
        assert client.get(path).status_code == 200


def test_without_a_mount_the_pages_say_what_to_do() -> None:
    client = TestClient(Gateway({}), "http://127.0.0.1")
    for path in ("/", "/race"):
        text = client.get(path).text
        assert "No application is mounted." in text
        assert "<form" not in text
        assert "<script" not in text
    for path in ("/code", "/routes", "/index.json", "/race.json"):
        assert client.get(path).status_code == 200


def test_many_operations_and_sources_have_lists_to_choose_from() -> None:
    routes = [Route(f"/{number}", applications.users) for number in range(40)]
    mounts = {f"/mount{number}": Starlette(routes=routes) for number in range(12)}
    client = TestClient(Gateway(mounts), "http://127.0.0.1")
    text = client.get("/code?operation=GET+/7&diff=mount1&diff=mount2").text
    assert "<h1>The same operation, written 12 times</h1>" in text
    assert text.count("<option selected>") == 1
    assert "<option selected>GET /7</option>" in text
    assert text.count('<select id="diff-') == 2
    assert text.count('<option value="mount2" selected>') == 1
    assert "The two are equal." in text
    assert 'class="chips"' not in text


def test_a_single_mount_is_spoken_of_as_one() -> None:
    client = TestClient(Gateway({"/one": applications.main}), "http://127.0.0.1")
    assert "<h1>One request, one answer</h1>" in client.get("/").text
    assert "Mount a second application" in client.get("/code").text
