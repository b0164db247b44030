"""The README's example of the test helper, run as a suite of its own."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.servers import ROOT, SCRIPTS

PNG = b"\x89PNG\r\n"
SHOP = """
from tests.showdown.applications import {name} as application, {name} as app
"""


@pytest.mark.parametrize(("new", "passed"), [("main", 3), ("changed", 0)])
def test_the_readmes_suite_runs(tmp_path: Path, new: str, passed: int) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S)
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


def test_the_readmes_pictures_are_there() -> None:
    pictures = re.findall(r"^!\[[^]]+\]\(([^)]+)\)$", (ROOT / "README.md").read_text(), re.M)
    assert pictures
    for picture in pictures:
        assert (ROOT / picture).read_bytes().startswith(PNG)
