"""Which changes of files matter, and to whom."""

import os
from pathlib import Path

import pytest
from watchfiles import Change

import framework_gateway
from framework_gateway.server.changes import (
    SourceFilter,
    modified_since,
    module_files,
    outermost,
    signature,
)
from framework_gateway.server.generations import Report
from framework_gateway.server.reloader import mount_of
from tests.servers import ROOT


@pytest.mark.parametrize(
    ("path", "matters"),
    [
        ("/app/shop.py", True),
        ("/app/templates/page.html", True),
        ("/app/templates/page.jinja2", True),
        ("/app/data.sqlite3", False),
        ("/app/log.txt", False),
        ("/app/shop.pyc", False),
        ("/app/.venv/lib/shop.py", False),
        ("/app/node_modules/x/page.html", False),
        ("/app/.git/x.py", False),
    ],
)
def test_code_and_templates_matter(path: str, matters: bool) -> None:
    assert SourceFilter()(Change.modified, path) == matters


def test_modules_of_installed_packages_and_of_the_gateway_are_left_out() -> None:
    files = module_files()
    assert Path(__file__) in files
    assert all(file.is_relative_to(ROOT) for file in files if "tests" in file.parts)
    assert Path(framework_gateway.__file__) not in files
    assert Path(pytest.__file__).resolve() not in files
    assert Path(os.__file__).resolve() not in files


def test_a_directory_in_another_one_is_watched_with_it(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    assert outermost([one, one / "a" / "b", two, one, tmp_path / "one-more"]) == {
        *(one, two, tmp_path / "one-more")
    }


def test_a_file_that_is_replaced_has_another_signature(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    assert signature(None) is None
    assert signature(file) is None
    file.write_text("a")
    first = signature(file)
    assert first is not None
    assert first == signature(file)
    (tmp_path / "draft").write_text("b")
    os.utime(tmp_path / "draft", ns=(first[0], first[0]))
    (tmp_path / "draft").replace(file)
    assert signature(file) not in (first, None)


def test_files_that_have_changed_since_a_moment(tmp_path: Path) -> None:
    old, new = tmp_path / "old.py", tmp_path / "new.py"
    for file, moment in ((old, 1000), (new, 2000)):
        file.touch()
        os.utime(file, (moment, moment))
    assert modified_since([old, new, tmp_path / "gone.py"], 1500) == {new}


@pytest.mark.parametrize(
    ("path", "mount"),
    [
        ("/apart/models.py", "/own"),
        ("/app/near.py", "/near"),
        ("/app/package/views.py", "/package"),
        ("/app/package/shared.py", None),  # the gateway's process has imported it
        ("/app/models.py", None),
        ("/app/nearby.py", None),
    ],
)
def test_whose_file_has_changed(path: str, mount: str | None) -> None:
    isolated = {"/own": "/apart", "/near": "/app/near.py", "/package": "/app/package"}
    modules = {Path("/app/shop.py"), Path("/app/package/shared.py")}
    roots = {prefix: Path(root) for prefix, root in isolated.items()}
    assert mount_of(Path(path), Report({}, {Path("/app")}, modules, roots)) == mount
