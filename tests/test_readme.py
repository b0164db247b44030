"""The README's example of the test helper, run as a test suite of its own."""

import re
import subprocess
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.databases import PostgreSQL, SQLite, free_port
from tests.servers import ROOT, SCRIPTS, serve

PNG = b"\x89PNG\r\n"
SHOP = """
from tests.compare.applications import {name} as application, {name} as app
"""


def python_of_the_readme() -> list[str]:
    """Return the README's Python blocks."""
    return re.findall(r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S)


@pytest.mark.parametrize(("new", "passed"), [("main", 3), ("changed", 0)])
def test_the_readmes_test_suite_runs(tmp_path: Path, new: str, passed: int) -> None:
    (code,) = (code for code in python_of_the_readme() if "import pytest" in code)
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
    assert (f"{passed} passed" in done.stdout) == bool(passed), done.stdout
    if not passed:
        assert "GET /users differs" in done.stdout
        assert 'body /1/name: old "Bob", new "Rob"' in done.stdout


def test_the_readmes_pictures_exist() -> None:
    pictures = re.findall(r"^!\[[^]]+\]\(([^)]+)\)$", (ROOT / "README.md").read_text(), re.M)
    assert pictures
    for picture in pictures:
        assert (ROOT / picture).read_bytes().startswith(PNG)


def test_the_readmes_webhook_example_is_accepted(database: SQLite | PostgreSQL) -> None:
    (code,) = (code for code in python_of_the_readme() if "webhook-id" in code)
    (secret,) = re.findall('secret = "(.*)"', code)
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    env = {"GATEWAY_WEBHOOK_SECRET": secret}
    with serve("gateway", "--port", port, origin=origin, path="/flask/api/hello", env=env):
        exec(code.replace("http://127.0.0.1:8000", origin), {})
        (user,) = httpx.get(f"{origin}/django/api/users?search=dora").json()
    assert user == {"id": 3, "name": "Dora", "email": "dora@example.com"}
