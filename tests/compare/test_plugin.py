"""The pytest plugin."""

from pathlib import Path

import pytest

from tests.servers import ROOT, run

TEST = """
def test_users(compare):
    compare.assert_equal("GET", "/users")
"""
APPLICATIONS = "tests.compare.applications"
SETTINGS = f"""
[tool.framework_gateway.compare.targets]
old = "{APPLICATIONS}:legacy"
new = "{APPLICATIONS}:{{new}}"
"""


def pytest_run(
    directory: Path, *arguments: str, status: int = 0, test: str = TEST, **files: str
) -> str:
    """Run pytest in a directory with only this plugin; return its output."""
    (directory / "test_shop.py").write_text(test)
    for name, text in files.items():
        (directory / name.replace("_", ".")).write_text(text)
    done = run(
        *("pytest", "-q", "-p", "no:cacheprovider", "-p", "framework_gateway", *arguments),
        cwd=directory,
        env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def target(name: str, application: str) -> str:
    return f"--compare-target={name}={APPLICATIONS}:{application}"


def test_targets_of_pyproject_are_compared(tmp_path: Path) -> None:
    pytest_run(tmp_path, pyproject_toml=SETTINGS.format(new="main"))
    shown = pytest_run(tmp_path, status=1, pyproject_toml=SETTINGS.format(new="changed"))
    assert 'compare.assert_equal("GET", "/users")' in shown
    assert "AssertionError: GET /users: differs" in shown
    assert "body /1/name (value)" in shown
    lines = [line.removeprefix("E").strip() for line in shown.splitlines()]
    assert 'old  "Bob"' in lines
    assert 'new  "Rob"' in lines
    assert "assert_equal(self" not in shown


def test_options_of_pyproject_are_used(tmp_path: Path) -> None:
    rules = '[tool.framework_gateway.compare]\nignore = ["/1/name", "Content-Length"]\n'
    pytest_run(tmp_path, pyproject_toml=rules + SETTINGS.format(new="changed"))


def test_targets_of_the_command_line_come_first(tmp_path: Path) -> None:
    options = [target("a", "legacy"), target("b", "main")]
    pytest_run(tmp_path, *options, pyproject_toml=SETTINGS.format(new="changed"))
    shown = pytest_run(tmp_path, "--compare-target=a", status=4)
    assert shown == "" or "not of the form" in shown


def test_targets_can_be_an_ini_option(tmp_path: Path) -> None:
    lines = f"old={APPLICATIONS}:legacy\n  new={APPLICATIONS}:main"
    pytest_run(tmp_path, pytest_ini=f"[pytest]\ncompare_targets =\n  {lines}\n")


def test_a_fixture_can_build_the_targets(tmp_path: Path) -> None:
    fixture = f"""
import pytest
from {APPLICATIONS} import changed, legacy

@pytest.fixture(scope="session")
def compare_targets():
    return {{"old": legacy, "new": changed}}

def test_answers(compare):
    comparison = compare("GET", "/users", ignore=["/*/name"])
    assert comparison.identical
    assert [answer.status for answer in comparison.answers] == [200, 200]
"""
    pytest_run(tmp_path, test=fixture)


def test_a_marker_can_name_the_targets(tmp_path: Path) -> None:
    marked = f"""
import pytest

pytestmark = pytest.mark.compare(
    {{"old": "{APPLICATIONS}:legacy", "new": "{APPLICATIONS}:changed"}}, ignore=["/*/name"]
)
{TEST}"""
    pytest_run(tmp_path, test=marked)


def test_targets_are_found_in_the_root_directory(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_inner.py").write_text(TEST)
    (tmp_path / "shop.py").write_text(f"from {APPLICATIONS} import legacy as old, main as new\n")
    targets = ("--compare-target=old=shop:old", "--compare-target=new=shop:new")
    pytest_run(tmp_path, "tests", *targets, pyproject_toml="")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "compare needs at least two targets"),
        ((target("a", "legacy"),), "compare needs at least two targets"),
        ((target("a", "legacy"), target("b", "nothing")), "The target b could not be loaded"),
    ],
)
def test_missing_targets_are_named(tmp_path: Path, arguments: tuple[str, ...], reason: str) -> None:
    assert reason in pytest_run(tmp_path, *arguments, status=1)
