"""The `gateway` command: custom applications with Flask, FastAPI and Django, or alone."""

from pathlib import Path

import httpx2 as httpx
import pytest
from click.testing import CliRunner

from framework_gateway.cli.main import main
from tests.databases import SQLite, free_port
from tests.sampling import every
from tests.servers import run, serve

SHOP = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"shop {environ['SCRIPT_NAME']} {environ['PATH_INFO']}".encode()]

def create_app():
    async def live(scope, receive, send):
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"live"})
    return live

def broken():
    raise RuntimeError("the shop is closed")
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A directory with a user's own module."""
    (tmp_path / "shop.py").write_text(SHOP)
    return tmp_path


def test_custom_applications_are_mounted_with_the_three_frameworks(
    shop: Path, database: SQLite
) -> None:
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    mounts = ["/shop=shop:application", "/shop/live=shop:create_app", "/closed=shop:broken()"]
    options = [option for mount in mounts for option in ("--mount", mount)]
    command = ("gateway", "serve", "--port", port, *options)
    env = {"PYTHONPATH": str(shop)}
    with serve(*command, origin=origin, path="/shop/", env=env) as server:
        assert httpx.get(f"{origin}/shop/a").text == "shop /shop /a"
        assert httpx.get(f"{origin}/shop/live/").text == "live"
        for framework in ("flask", "fastapi", "django"):
            assert httpx.get(f"{origin}/{framework}/api/users/1").json()["name"] == "Alice"
        closed = httpx.get(f"{origin}/closed/")
        assert closed.status_code == 503
        assert closed.headers["Content-Type"] == "application/problem+json"
        assert "shop is closed" not in closed.text
        assert "the shop is closed" in server.output
        assert f"/shop      {origin}/shop/" in server.output


def test_custom_applications_can_be_mounted_alone(shop: Path) -> None:
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    command = ("gateway", "--port", port, "--only-mounts", "--mount", "/shop=shop:application")
    # No database is needed, and none of the three frameworks' applications is imported.
    env = {"GATEWAY_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none"}
    with serve(*command, origin=origin, path="/shop/", cwd=shop, env=env) as server:
        assert httpx.get(f"{origin}/shop/a").text == "shop /shop /a"
        assert httpx.get(f"{origin}/flask/api/hello").status_code == 404
        addresses, access_lines = server.output.splitlines()[:2], server.output.splitlines()[2:]
        assert addresses == [f"Compare    {origin}/", f"/shop      {origin}/shop/"]
        assert all(" GET /" in line for line in access_lines)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--mount", "shop=shop:app"], "'shop=shop:app' is not of the form /prefix="),
        (["--mount", "//=shop:app"], "'//=shop:app' is not of the form /prefix="),
        (["--mount", "/shop/=shop:app"], "'/shop/=shop:app' is not of the form /prefix="),
        (["--mount", "/../x=shop:app"], "'/../x=shop:app' is not of the form /prefix="),
        (["--mount", "/shop"], "'/shop' is not of the form /prefix="),
        (["--mount", "/a=shop:app", "--mount", "/a=shop:b"], "/a was given twice"),
        (["--mount-option", "/flask"], "'/flask' is not of the form /prefix:option=value"),
        (["--mount-option", "/a:threads=8"], "there is no mount at /a"),
        (["--mount-option", "/flask:thread=8"], "/flask:thread: unknown; did you mean threads?"),
        (["--mount-option", "/flask:threads=none"], "/flask:threads: Input should be a valid int"),
        (["--root-path", "outer"], "--root-path: must be a path such as /outer"),
        (["--only-mounts"], "--only-mounts requires --mount"),
    ],
)
def test_an_invalid_mount_option_is_a_usage_error(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(main, ["serve", *arguments])
    assert result.exit_code == 2
    assert message in result.output


def test_help_lists_the_commands() -> None:
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    assert "serve" in result.output


def test_the_gateway_listens_on_an_ipv6_address(database: SQLite) -> None:
    port = free_port()
    origin = f"http://[::1]:{port}"
    command = ("gateway", "--host", "::1", "--port", port)
    with serve(*command, origin=origin, path="/flask/api/hello") as server:
        assert f"Flask      {origin}/flask/api/users" in server.output


GATEWAY = """
from framework_gateway import Gateway

def shop(environ, start_response):
    start_response("200 OK", [])
    return [b"shop"]

app = Gateway({"/shop": lambda: shop}, links={"Shop": "/shop/"})
other = 1

def create():
    return Gateway({"/made": lambda: shop})
"""


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ((), "/shop/"),
        (("own:app",), "/shop/"),
        (("own:create",), "/made/"),
        (("own:create()",), "/made/"),
        (("--mount", "/more=shop:application"), "/more/"),
    ],
)
@pytest.mark.parametrize("elsewhere", every(2, [False, True]))
def test_a_custom_gateway_is_served(
    shop: Path, tmp_path: Path, arguments: tuple[str, ...], path: str, elsewhere: bool
) -> None:
    for name in ("gateway.py", "own.py"):
        (shop / name).write_text(GATEWAY)
    port = free_port()
    place = ("--app-dir", shop) if elsewhere else ()
    command = ("gateway", "serve", *arguments, *place, "--port", port)
    cwd = Path("/") if elsewhere else shop
    with serve(*command, origin=f"http://127.0.0.1:{port}", path=path, cwd=cwd) as server:
        assert f"http://127.0.0.1:{port}{path}" in server.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "There is no gateway.py here: give a Gateway as MODULE:APP"),
        (("own:other",), "own:other is not a framework_gateway.Gateway"),
        (("own:missing",), "there is no attribute 'missing' in own"),
        (("own",), "there is no attribute 'application' in own"),
        (("nowhere:app",), "there is no module 'nowhere'"),
        (("broken:app",), "broken:app could not be imported: ZeroDivisionError"),
        (
            ("own:app", "--only-mounts", "--mount", "/a=own:shop"),
            "--only-mounts cannot be combined",
        ),
        (("own:app", "--with", "run 'open"), "No closing quotation"),
        (("--port", "65536"), "'65536' is not a whole number from 0 to 65535"),
        (("--app-dir", "nowhere"), "--app-dir: there is no directory nowhere"),
    ],
)
def test_errors_of_serve_are_one_line(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    (tmp_path / "own.py").write_text(GATEWAY)
    (tmp_path / "broken.py").write_text("1 / 0")
    result = run("gateway", "serve", *arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert message in result.stderr.splitlines()[-1]


def test_production_needs_the_allowed_hosts(shop: Path) -> None:
    command = ("gateway", "serve", "--only-mounts", "--mount", "/shop=shop:application")
    result = run(*command, cwd=shop, env={"GATEWAY_ENV": "production"})
    assert result.returncode == 1
    assert result.stderr == (
        "Error: GATEWAY_ALLOWED_HOSTS: production needs the host names of the site\n"
    )
