"""Options of the command line over gateway.toml over the environment."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from pydantic import SecretStr

from framework_gateway import Gateway
from framework_gateway.cli.file.reading import find_file
from framework_gateway.cli.imports import SourceError
from framework_gateway.cli.sources import Source
from framework_gateway.config import Config, get_config
from tests.databases import free_port
from tests.servers import run, serve
from tests.wsgi.server import wait_until

SHOP = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{__name__} {environ['SCRIPT_NAME']}".encode()]

other = application
"""
BASE = """
from framework_gateway import Admission, Config, Gateway
from shop import application, other

async def nobody(_credential, _permissions):
    return None

login = Admission(nobody, nobody, lambda scope: False, cookie="id", needs=None)
app = Gateway({"/base": application}, companions={"clock": ["sleep", "60"]})
strict = Gateway({"/base": application}, config=Config(max_body_size=5, max_headers=50))
"""
MOUNT = """
[[mounts]]
prefix = "/shop"
application = "shop:application"
threads = 7
grace = 5
"""


@pytest.fixture
def write(project: Path) -> Callable[[str], None]:
    """Write gateway.toml, next to modules of a user."""
    (project / "shop.py").write_text(SHOP)
    (project / "base.py").write_text(BASE)
    (project / "gateway.py").write_text(BASE)

    def write(text: str) -> None:
        (project / "gateway.toml").write_text(text)

    return write


def load(**options: Any) -> Gateway:
    """Load the gateway as ``gateway serve`` does."""
    return Source(file=find_file(None), **options).load()


SETTINGS: list[tuple[str, Any, Any, Any]] = [
    ("host", "127.0.0.2", "127.0.0.3", "127.0.0.4"),
    ("port", 9000, 8000, 7000),
    ("workers", 2, 3, 4),
    ("root_path", "/option", "/file", "/environment"),
    ("fail_fast", True, False, True),
]


@pytest.mark.parametrize(("name", "option", "in_file", "environment"), SETTINGS)
def test_an_option_comes_before_the_file_and_the_file_before_the_environment(
    write: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    option: Any,
    in_file: Any,
    environment: Any,
) -> None:
    monkeypatch.setenv(f"GATEWAY_{name.upper()}", str(environment))
    shown = str(in_file).lower() if isinstance(in_file, bool | int) else f"'{in_file}'"
    write(MOUNT)
    assert getattr(load().config, name) == environment
    write(f"[server]\n{name} = {shown}\n{MOUNT}")
    assert getattr(load().config, name) == in_file
    assert getattr(load(settings={name: option}).config, name) == option


@pytest.mark.parametrize("name", Config.model_fields.keys() - {"env"})
def test_every_setting_of_the_file_reaches_the_gateway(
    write: Callable[[str], None], name: str
) -> None:
    values: Mapping[str, tuple[str, Any]] = {
        "host": ("'::1'", "::1"),
        "root_path": ("'/a'", "/a"),
        "allowed_hosts": ("['a.example', 'b.example']", ["a.example", "b.example"]),
        "trusted_proxies": ("['10.0.0.0/8']", ["10.0.0.0/8"]),
        "pages": ("'staff'", "staff"),
        "metrics_dir": ("'/tmp'", Path("/tmp")),
        "moves_store": ("'moves.db'", "moves.db"),
        "move_secret": ("'a secret of tests'", SecretStr("a secret of tests")),
    }
    default = Config.model_fields[name].default
    usual = ("true", True) if isinstance(default, bool) else ("2000", 2000)
    if name in ("threads", "workers"):
        usual = ("3", 3)
    written, value = values.get(name, usual)
    write(f"[server]\n{name} = {written}\n{MOUNT}")
    if name == "traces":
        pytest.importorskip("opentelemetry.sdk")
    assert getattr(load().config, name) == value
    # A Gateway in Python, its applications and the companions read the same.
    get_config.cache_clear()
    assert getattr(get_config(), name) == value


def test_a_setting_that_leaves_the_file_leaves_the_environment(
    write: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_MAX_HEADERS", "30")
    write(f"[server]\nmax_headers = 40\nmax_streams = 5\n{MOUNT}")
    load()
    write(MOUNT)
    load()
    get_config.cache_clear()
    assert (get_config().max_headers, get_config().max_streams) == (30, 500)


def test_the_file_comes_before_what_a_gateway_in_python_says(write: Callable[[str], None]) -> None:
    write("base = 'base:strict'\n[server]\nmax_body_size = 9")
    config = load().config
    assert (config.max_body_size, config.max_headers) == (9, 50)


def test_mounts_are_added_to_the_base_and_replaced_by_options(
    write: Callable[[str], None],
) -> None:
    write(f"base = 'base:app'\n{MOUNT}")
    assert [*load().planned] == ["/base", "/shop"]
    changed = load(
        mounts=(("/shop", "shop:other"), ("/more", "shop")),
        options=(("/more", "threads", "3"), ("/base", "threads", "4")),
    ).planned
    assert [mount.source for mount in changed.values()][1:] == ["shop:other", "shop"]
    assert [mount.options.threads for mount in changed.values()] == [4, 64, 3]


def test_an_option_changes_one_option_of_the_file(write: Callable[[str], None]) -> None:
    write(MOUNT)
    options = load(options=(("/shop", "threads", "3"),)).planned["/shop"].options
    assert (options.threads, options.grace) == (3, 5)


def test_options_of_a_mount_come_before_settings(write: Callable[[str], None]) -> None:
    write(f"[server]\nthreads = 3\nmax_streams = 4\n{MOUNT}")
    (mount,) = load().mounts
    assert (mount.options.threads, mount.options.max_streams) == (7, 4)


@pytest.mark.parametrize(
    ("text", "options", "prefixes"),
    [
        ("", {}, ["/base"]),  # gateway.py
        ("[server]\nport = 1", {}, ["/base"]),
        (MOUNT, {}, ["/shop"]),
        ("base = 'base:app'", {}, ["/base"]),
        (MOUNT, {"name": "base:app"}, ["/base", "/shop"]),
        ("base = 'nowhere'", {"name": "base:app"}, ["/base"]),
        (MOUNT, {"only_mounts": True, "mounts": (("/a", "shop"),)}, ["/a"]),
        ("base = 'nowhere'", {"only_mounts": True, "mounts": (("/a", "shop"),)}, ["/a"]),
    ],
)
def test_which_applications_are_served(
    write: Callable[[str], None], text: str, options: dict[str, Any], prefixes: list[str]
) -> None:
    write(text)
    assert [*load(**options).planned] == prefixes


def test_companions_and_links_are_added(write: Callable[[str], None]) -> None:
    write(
        f"base = 'base:app'\n{MOUNT}[companions]\na = \"echo 'x y'\"\nb = ['echo', 'x y']\n"
        "[links]\nShop = '/shop/?page=1'"
    )
    gateway = load()
    echo = ["echo", "x y"]
    assert gateway.companions == {"clock": ["sleep", "60"], "a": echo, "b": echo}
    assert gateway.links["Shop"] == "/shop/?page=1"
    assert gateway.links["/base"] == "/base/"


def test_a_login_is_imported(write: Callable[[str], None]) -> None:
    write(f"login = 'base:login'\n{MOUNT}login = true")
    assert load().admit is not None
    write(f"login = 'base:app'\n{MOUNT}login = true")
    with pytest.raises(SourceError, match=r"base:app is not a framework_gateway\.Admission"):
        load()


def test_a_mount_with_login_is_refused_without_one(write: Callable[[str], None]) -> None:
    write(f"{MOUNT}login = true")
    with pytest.raises(SourceError, match="/shop: login is on, but the gateway has no login"):
        load()


def test_modules_are_found_from_the_directory_of_the_file(
    write: Callable[[str], None], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "code").mkdir()
    (project / "code" / "inner.py").write_text(SHOP)
    write("app_dir = 'code'\n" + MOUNT.replace("shop:", "inner:"))
    monkeypatch.chdir("/")
    (mount,) = Source(file=project / "gateway.toml").load().mounts
    assert mount.failure is None
    with pytest.raises(SourceError, match="--app-dir: there is no directory nowhere"):
        Source(file=project / "gateway.toml", directory="nowhere").load()
    write("app_dir = 'nowhere'")
    with pytest.raises(SourceError, match="app_dir: there is no directory"):
        Source(file=project / "gateway.toml").load()


# The command


def test_the_command_serves_what_the_file_says(write: Callable[[str], None], project: Path) -> None:
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    write(
        f"[server]\nport = '${{A_PORT}}'\nmax_body_size = 3\n{MOUNT}\n[companions]\n"
        "clock = ['python', '-c', 'import os; print(os.environ[\"GATEWAY_MAX_BODY_SIZE\"])']"
    )
    env = {"A_PORT": str(port), "GATEWAY_PORT": "1", "GATEWAY_MAX_BODY_SIZE": "9"}
    with serve("gateway", origin=origin, path="/shop/", cwd=project, env=env) as server:
        assert server.output.startswith("Settings   gateway.toml\n")
        assert httpx.get(f"{origin}/shop/").text == "shop /shop"
        assert httpx.post(f"{origin}/shop/", content=b"four").status_code == 413
        wait_until(lambda: "companion.clock [-] 3\n" in server.output)


@pytest.mark.slow
def test_worker_processes_read_the_file(write: Callable[[str], None], project: Path) -> None:
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    write(f"[server]\nport = {port}\nmax_body_size = 3\nworkers = 2\n{MOUNT}")
    with serve("gateway", origin=origin, path="/shop/", cwd=project) as server:
        wait_until(lambda: len(server.children) >= 2)
        assert httpx.post(f"{origin}/shop/", content=b"four").status_code == 413


@pytest.mark.parametrize(
    ("text", "arguments", "status", "lines"),
    [
        (
            "[server]\nprt = 1\nport = 'x'",
            (),
            2,
            [
                "gateway.toml:2: error: server.prt: unknown; did you mean port?",
                "gateway.toml:3: error: server.port: Input should be a valid integer, unable to"
                " parse string as an integer",
            ],
        ),
        ("a = ", (), 2, ["gateway.toml:1: error: Invalid value"]),
        (
            "",
            ("--config", "none.toml"),
            2,
            ["none.toml: error: cannot be read: No such file or directory"],
        ),
        ("", ("--config", "."), 2, [".: error: cannot be read: Is a directory"]),
        (
            "[server]\nenv = 'production'",
            (),
            1,
            ["Error: GATEWAY_ALLOWED_HOSTS: production needs the host names of the site"],
        ),
    ],
)
def test_errors_at_the_start_are_one_line_each(
    write: Callable[[str], None],
    project: Path,
    text: str,
    arguments: tuple[str, ...],
    status: int,
    lines: list[str],
) -> None:
    write(text)
    result = run("gateway", "serve", *arguments, cwd=project)
    assert result.stderr.splitlines() == lines
    assert result.returncode == status


def test_compare_takes_the_mounts_of_the_file(write: Callable[[str], None], project: Path) -> None:
    write(MOUNT + MOUNT.replace("/shop", "/more"))
    result = run("gateway", "compare", "/", cwd=project)
    assert "shop /shop" in result.stdout
    assert (result.returncode, result.stderr) == (0, "")
