"""The guide: it is built without a warning, loads nothing from elsewhere, and its examples work."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import click
import httpx2 as httpx
import pytest
import yaml

from contract.settings import Settings
from framework_gateway.cli.main import main as gateway
from framework_gateway.config import Config
from showdown.__main__ import main as showdown
from tests.databases import PostgreSQL, SQLite, free_port
from tests.documents import DOCS, PAGES, README, blocks, commands, file_of, links
from tests.servers import ROOT, SCRIPTS, serve

# What the examples name, each as small as it can be.
WSGI = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [b"[]"]
"""
ASGI = """
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route


async def answer(request):
    return Response(b"[]", media_type="application/json")


app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])
"""
SHOP_GATEWAY = """
from framework_gateway import Gateway


def create_gateway():
    return Gateway({"/shop": "shop.wsgi:application"})


app = create_gateway()
"""
SLEEP = "import time; time.sleep(60)\n"
SHOP = """
from tests.compare.applications import {name} as application, {name} as app
"""


def python_of(page: Path, word: str) -> str:
    """Return a page's only block of Python that holds a word."""
    (code,) = (code for code in blocks(page, "python") if word in code)
    return code


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with every application that the examples name."""
    (example,) = (code for code in blocks(DOCS / "mounting.md", "python") if "companions=" in code)
    files = {
        "shop/__init__.py": "",
        "shop/wsgi.py": WSGI,
        "shop/main.py": ASGI,
        "shop/gateway.py": SHOP_GATEWAY,
        "shop/clock.py": SLEEP,
        "legacy/__init__.py": "",
        "legacy/wsgi.py": WSGI,
        "live.py": ASGI,
        "gateway.py": example,
        "manage.py": SLEEP,
        "requests.jsonl": "".join(blocks(DOCS / "comparing.md", "json")),
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


# The site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The guide, built as ``make docs`` does."""
    directory = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [SCRIPTS / "mkdocs", "build", "--strict", "--quiet", "--site-dir", directory],
        cwd=ROOT,
        # What mkdocs imports may warn of other things.
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return directory


class Requests(HTMLParser):
    """Collects the addresses that a browser asks for by itself when it shows a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        # A canonical address is not asked for; every other link of a head is, or may be.
        if tag == "link" and values.get("rel") != "canonical":
            self.found.append(values.get("href") or "")
        self.found += [values[name] or "" for name in ("src", "srcset", "data") if name in values]


def test_the_site_asks_no_other_host(site: Path) -> None:
    pages = [*site.rglob("*.html")]
    assert len(pages) > len(PAGES) - 1
    for page in pages:
        requests = Requests()
        requests.feed(page.read_text())
        assert requests.found
        assert [one for one in requests.found if re.match("([a-z]+:)?//", one)] == [], page
    for style in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", style.read_text()), style


def test_the_navigation_has_every_page() -> None:
    def files(entry: object) -> Iterator[str]:
        if isinstance(entry, str):
            yield entry
        elif isinstance(entry, dict):
            for inner in entry.values():
                yield from files(inner)
        elif isinstance(entry, list):
            for inner in entry:
                yield from files(inner)

    listed = [*files(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"])]
    assert sorted(listed) == sorted(str(page.relative_to(DOCS)) for page in PAGES[1:])


def test_every_link_to_the_repository_leads_to_a_file() -> None:
    found = [file for page in PAGES for link in links(page) if (file := file_of(link))]
    assert found
    assert [file for file in found if not file.exists()] == []


def test_every_picture_has_a_text() -> None:
    texts = [text for page in PAGES for text in re.findall(r"!\[([^]]*)\]", page.read_text())]
    assert texts
    assert all(len(text) > 20 for text in texts)


# What the pages name


def test_every_file_that_a_page_names_exists() -> None:
    named = {
        name
        for page in PAGES
        for name in re.findall(
            r"`((?:contract|deploy|docs|framework_gateway|showdown|tests|\w+_app)/[\w/.-]*)`",
            page.read_text(),
        )
    }
    assert len(named) > 10
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_setting_that_a_page_names_exists() -> None:
    names = {f"GATEWAY_{name.upper()}" for name in {**Config.model_fields, **Settings.model_fields}}
    for page in PAGES:
        assert {*re.findall(r"GATEWAY_[A-Z_]+", page.read_text())} <= names, page


def test_every_target_of_make_that_a_page_names_exists() -> None:
    targets = {*re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M)}
    for page in PAGES:
        named = re.findall(r"(?:`|^)make ([a-z-]+)(?:`| )", page.read_text(), re.M)
        assert {*named} <= targets, page


@pytest.mark.parametrize("command", commands("gateway ", "python -m showdown "), ids=" ".join)
def test_every_option_exists(
    command: list[str], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    group: click.Group = gateway
    if command[0] == "python":
        group, command = showdown, command[2:]
    context = click.Context(group)
    name, found, arguments = group.resolve_command(context, command[1:])
    assert found is not None
    assert name is not None
    with found.make_context(name, [*arguments]):
        pass  # the context closes the files that it has opened


@pytest.mark.parametrize("page", ["mounting", "comparing", "measuring"])
def test_every_option_is_explained(page: str) -> None:
    """The tables of options and the commands have the same ones."""
    command = {
        "mounting": gateway.commands["serve"],
        "comparing": gateway.commands["compare"],
        "measuring": showdown.commands["bench"],
    }[page]
    text = (DOCS / f"{page}.md").read_text()
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert any(f"`{name}" in text for name in parameter.opts), parameter.opts


# The examples, run


@pytest.mark.parametrize("command", commands("gateway serve "), ids=" ".join)
def test_every_gateway_is_served(command: list[str], project: Path) -> None:
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    prefixes = [word.partition("=")[0] for word in command if word.startswith("/")]
    if prefixes == ["/shop"] and "--only-mounts" not in command:
        # It adds to a Gateway that has no such prefix yet.
        (project / "gateway.py").write_text(SHOP_GATEWAY.replace("/shop", "/other"))
    env = {"GATEWAY_GRACEFUL_TIMEOUT": "1"}
    start = (*command, "--port", port)
    with serve(*start, origin=origin, path="/health/live", env=env, cwd=project) as server:
        for prefix in prefixes or ["/shop"]:
            answer = httpx.get(f"{origin}{prefix}/")
            assert (answer.status_code, answer.content) == (200, b"[]"), server.output
        assert httpx.get(f"{origin}/health/ready").json()["failures"] == {}


@pytest.mark.parametrize(
    "command",
    [command for command in commands("gateway compare ") if "--target" in command],
    ids=" ".join,
)
def test_every_comparison_of_targets_runs(command: list[str], project: Path) -> None:
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    command = [word.replace("http://127.0.0.1:8001", origin) for word in command]
    if origin in " ".join(command):
        start = ("uvicorn", "shop.main:app", "--port", port)
        with serve(*start, origin=origin, path="/", cwd=project):
            assert_alike(command, project)
    else:
        assert_alike(command, project)


def assert_alike(command: list[str], directory: Path) -> None:
    """Run a comparison whose answers are equal."""
    done = subprocess.run(
        [SCRIPTS / command[0], *command[1:]], cwd=directory, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "command",
    [command for command in commands("gateway compare ") if "--target" not in command],
    ids=" ".join,
)
@pytest.mark.usefixtures("database")
def test_every_comparison_of_the_showdown_runs(command: list[str]) -> None:
    assert_alike(command, ROOT)


@pytest.mark.parametrize("code", blocks(DOCS / "mounting.md", "python"))
def test_every_application_in_python_answers(code: str, project: Path) -> None:
    (project / "example.py").write_text(code)
    command = [SCRIPTS / "gateway", "compare", "--json", "/shop/"]
    command += ["--target", "a=example:app", "--target", "b=example:app"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    answers = json.loads(done.stdout)["answers"]
    assert [answer["status"] for answer in answers] == [200, 200]


@pytest.mark.parametrize(("page", "tests"), [(README, 1), (DOCS / "comparing.md", 3)])
@pytest.mark.parametrize(("new", "is_alike"), [("main", True), ("changed", False)])
def test_the_suites_run(tmp_path: Path, page: Path, tests: int, new: str, is_alike: bool) -> None:
    code = python_of(page, "def test_")
    for package, module, name in (("legacy", "wsgi", "legacy"), ("shop", "main", new)):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
        (tmp_path / package / f"{module}.py").write_text(SHOP.format(name=name))
    (tmp_path / "test_shop.py").write_text(code.replace("/api/orders", "/users"))
    (tmp_path / "pytest.ini").write_text(f"[pytest]\npythonpath = . {ROOT}\n")
    done = subprocess.run(
        [SCRIPTS / "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (f"{tests} passed" in done.stdout) == is_alike, done.stdout
    if not is_alike:
        assert "GET /users differs" in done.stdout
        assert 'body /1/name: old "Bob", new "Rob"' in done.stdout


def test_the_webhook_is_stored(database: SQLite | PostgreSQL) -> None:
    code = python_of(DOCS / "hybrid.md", "webhook-id")
    (secret,) = re.findall('secret = "(.*)"', code)
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    env = {"GATEWAY_WEBHOOK_SECRET": secret}
    with serve("gateway", "--port", port, origin=origin, path="/flask/api/hello", env=env):
        exec(code.replace("http://127.0.0.1:8000", origin), {})
        (user,) = httpx.get(f"{origin}/django/api/users?search=dora").json()
    assert user == {"id": 3, "name": "Dora", "email": "dora@example.com"}
