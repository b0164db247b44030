"""The move of docs/moves.md: five planted mistakes, found from the OpenAPI document alone."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.documents import DOCS, blocks, commands
from tests.servers import SCRIPTS

PAGE = DOCS / "moves.md"
# What corrects the new version.
CORRECTIONS = {
    "return PRODUCTS\n": "return sorted(PRODUCTS, key=lambda product: product.name)\n",
    "price: Decimal\n": "price: float\n",
    ", response_model_exclude_none=True": "",
    '@app.get("/shops")\n': '@app.get("/shops/", include_in_schema=False)\n@app.get("/shops")\n',
    "def list_prices(limit: int = 10) -> list[float]:\n": """\
def list_prices(limit: str = "10") -> object:
    if not limit.isdecimal():
        return JSONResponse({"detail": "limit is not a number"}, 400)
    return prices(int(limit))


def prices(limit: int) -> list[float]:
""",
    "from pydantic": "from fastapi.responses import JSONResponse\nfrom pydantic",
}
MISTAKES = {
    "GET /products: body (order)": "/products",
    "GET /products: body /*/price (type): old number, new string": "/products",
    "GET /products: body /*/note (missing): not in new": "/products",
    "GET /prices: status: old 400, new 422": "/prices?limit=",
    "GET /shops/: status: old 200, new 404": "/shops/",
}


def run(directory: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a directory, with only the project's own pytest plugin."""
    return subprocess.run(
        [SCRIPTS / command[0], *command[1:]],
        cwd=directory,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def move(tmp_path: Path) -> Path:
    """The two versions of the page, as files."""
    old, new = blocks(PAGE, "python")[:2]
    for name, code in (("legacy/wsgi.py", old), ("shop/main.py", new)):
        file = tmp_path / name
        file.parent.mkdir()
        (file.parent / "__init__.py").touch()
        file.write_text(code)
    return tmp_path


def test_the_mistakes_are_found_from_the_document_alone(move: Path) -> None:
    (command,) = (words for words in commands("gateway compare ") if "--openapi" in words)
    done = run(move, *command, "--report", "move.json")
    assert done.returncode == 1, done.stdout + done.stderr
    document = json.loads((move / "move.json").read_text())
    found = {
        f"{finding['route']}: {finding['what']}": finding["example"]["request"]["path"]
        for finding in document["findings"]
    }
    assert found.items() >= MISTAKES.items()
    assert {finding["checked"] for finding in document["findings"]} == {2}
    assert document["unstable"] == []
    assert (move / "move.html").stat().st_size > 1000

    tests = (move / "test_move.py").read_text()
    assert blocks(PAGE, "python")[2].strip() in tests
    compare = ("pytest", "-q", "-p", "no:cacheprovider", "-p", "framework_gateway", "test_move.py")
    done = run(move, *compare)
    assert f"{len(found)} failed" in done.stdout, done.stdout

    new = move / "shop" / "main.py"
    code = new.read_text()
    for wrong, right in CORRECTIONS.items():
        assert wrong in code
        code = code.replace(wrong, right)
    new.write_text(code)
    done = run(move, *compare)
    assert f"{len(found)} passed" in done.stdout, done.stdout


def test_the_page_shows_what_the_command_prints() -> None:
    (shown,) = (block for block in blocks(PAGE, "") if "without an answer" in block)
    headings = {line.partition(" — ")[0] for line in shown.splitlines() if " — " in line}
    assert headings >= {*MISTAKES}
    for mistake, path in MISTAKES.items():
        assert re.search(rf"{re.escape(mistake)} — .*\n(times\n)?  GET {re.escape(path)}\n", shown)
