"""The published files: a wheel with one package, and an sdist with everything."""

import json
import os
import subprocess
import sys
import tarfile
import venv
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import httpx2 as httpx
import pytest

from tests.databases import free_port
from tests.servers import ROOT, Server
from tests.wsgi.server import wait_until

# A project that uses the commonest module names, each with its own content.
PROJECT = {
    "settings.py": 'GREETING = "own settings"\n',
    "logs.py": 'GREETING = "own logs"\n',
    "commands.py": 'GREETING = "own commands"\n',
    "users/__init__.py": "",
    "users/service.py": 'GREETING = "own users"\n',
    "contract/__init__.py": 'GREETING = "own contract"\n',
    "tests/__init__.py": 'GREETING = "own tests"\n',
    "shop.py": """
import commands, contract, logs, settings, tests
import users.service

modules = [commands, contract, logs, settings, tests, users.service]


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [", ".join(module.GREETING for module in modules).encode()]
""",
}
GREETINGS = "own commands, own contract, own logs, own settings, own tests, own users"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the wheel and the sdist, built from the files in git."""
    source, directory = (tmp_path_factory.mktemp(name) for name in ("source", "built"))
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    for file in filter(None, listed.stdout.split("\0")):
        if (ROOT / file).is_file():
            (source / file).parent.mkdir(parents=True, exist_ok=True)
            (source / file).write_bytes((ROOT / file).read_bytes())
    command = [
        sys.executable,
        "-m",
        "build",
        "--no-isolation",
        "--outdir",
        str(directory),
        str(source),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return directory


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that has the wheel, and nothing of this checkout."""
    directory = tmp_path_factory.mktemp("environment")
    venv.create(directory, symlinks=True)
    (site,) = directory.glob("lib/python*/site-packages")
    # The dependencies come from the suite's environment, without the checkout itself.
    (here,) = Path(sys.executable).parent.parent.glob("lib/python*/site-packages")
    for package in here.iterdir():
        if "framework_gateway" not in package.name and package.suffix != ".pth":
            (site / package.name).symlink_to(package)
    (wheel,) = built.glob("*.whl")
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--python", directory / "bin" / "python", "install"),
            *("--no-deps", "--no-index", "--quiet", wheel),
        ],
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        check=True,
    )
    return directory / "bin"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The directory of a user's project."""
    for name, text in PROJECT.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_wheel_has_one_package(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"framework_gateway"}
    assert "framework_gateway/py.typed" in names
    assert "framework_gateway/pages/templates/compare.html" in names
    assert "framework_gateway/pages/static/compare.js" in names


def test_the_sdist_has_what_its_tests_need(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    needed = {"tests/conftest.py", "Makefile", "gateway.py", "manage.py", "requirements-dev.lock"}
    needed |= {"contract/schemas.py", "showdown/site.py", "deploy/nginx.conf", "docs/index.md"}
    assert names >= needed
    assert names >= {f"{name}_app/users.py" for name in ("flask", "fastapi")}


def environment(project: Path) -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GATEWAY_", "PYTHON", "DJANGO_"))
    } | {"HOME": str(project)}


@pytest.fixture
def served(
    installed: Path, project: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The URL of a gateway from the wheel that serves only the project's application."""
    port = free_port()
    command = [installed / "gateway", "serve", "--port", port, "--only-mounts"]
    command += ["--mount", "/shop=shop:app", "--mount", "/other=shop:app"]
    with (tmp_path_factory.mktemp("log") / "log").open("w+") as log:
        process = Server([*map(str, command)], environment(project), log, project)
        origin = f"http://127.0.0.1:{port}"
        try:
            wait_until(lambda: answers(origin) or process.poll() is not None)
            assert process.poll() is None, process.output
            yield origin
        finally:
            process.terminate()
            assert process.wait(20) == 0, process.output


def answers(origin: str) -> bool:
    try:
        return httpx.get(f"{origin}/health/live").status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.slow
def test_a_project_with_modules_of_the_same_names_is_served_and_compared(
    installed: Path, project: Path, served: str
) -> None:
    assert httpx.get(f"{served}/shop/").text == GREETINGS
    assert httpx.get(f"{served}/compare/").json()["identical"] is True
    assert "Compare" in httpx.get(f"{served}/").text
    assert [path.name for path in project.iterdir() if path.name == "var"] == []


@pytest.mark.slow
def test_the_command_compares_from_the_wheel(installed: Path, project: Path) -> None:
    done = subprocess.run(
        [
            installed / "gateway",
            "compare",
            "/",
            "--target",
            "a=shop:app",
            "--target",
            "b=shop:app",
            "--json",
        ],
        cwd=project,
        env=environment(project),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(done.stdout)
    assert [answer["body"] for answer in document["answers"]] == [GREETINGS, GREETINGS]


def test_an_editable_install_puts_one_package_on_the_path() -> None:
    command = "import framework_gateway, importlib.util as u; print([n for n in (" + (
        "'contract', 'showdown', 'flask_app', 'gateway', 'manage', 'tests', 'settings', 'users'"
        ") if u.find_spec(n)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", command], cwd="/", capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_help_imports_only_click() -> None:
    """Help must answer within 0.3 s, and importing a server and its libraries takes longer."""
    code = (
        "import sys\n"
        "from framework_gateway.cli.main import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.splitlines()[-1].split()
    heavy = {"starlette", "uvicorn", "pydantic", "httpx2", "rich", "jinja2", "flask", "django"}
    assert heavy.isdisjoint(loaded)
    assert "serve" in done.stdout


@pytest.mark.slow
def test_the_version_option_prints_the_packages_version(installed: Path) -> None:
    done = subprocess.run([installed / "gateway", "--version"], capture_output=True, text=True)
    assert done.stdout.startswith("gateway, version 0.2.0")
