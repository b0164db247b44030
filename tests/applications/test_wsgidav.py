"""WsgiDAV, tested by litmus, the WebDAV server test suite."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.applications.comparing import assert_alike, replacing
from tests.applications.environment import Addresses, Application, both
from tests.databases import missing

pytestmark = pytest.mark.slow

SUITES = ("basic", "copymove", "props", "locks", "http")
TEST = re.compile(r"^ *\d+\. (\w+)\.+ (pass|WARNING|FAIL|SKIPPED)", re.MULTILINE)
WSGIDAV = Application(
    "/dav",
    "wsgidav_files:application",
    ("python", "wsgidav_files.py", "{port}"),  # on Cheroot
    outer="/dav",
)

# Times and what is made of them.
CLEAN = replacing(
    r"<[^>]*(creationdate|getetag|getlastmodified)>[^<]*<",
    r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} [\d:]+ GMT",
    r"\d{4}-\d\d-\d\d[ T][\d:.]+Z?",
)


@pytest.fixture(scope="module")
def dav(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    usual = tmp_path_factory.mktemp("usual")
    for directory in (data, usual):
        (directory / "note.txt").write_text("read me")
        os.utime(directory / "note.txt", (1_700_000_000, 1_700_000_000))
    with both(WSGIDAV, data, usual) as addresses:
        yield addresses


def litmus(suite: str, address: str, directory: Path) -> tuple[dict[str, str], str]:
    """Run one of litmus's programs; return the result of each test, and all output."""
    program = shutil.which("litmus")
    if program is None:
        missing("litmus is not installed (Debian: apt-get install litmus)")
    done = subprocess.run(
        [program, address + "/"],
        cwd=directory,  # it writes its log there
        env={**os.environ, "TESTS": suite},
        capture_output=True,
        text=True,
        errors="replace",  # some of its messages are no text
        timeout=120,
    )
    return dict(TEST.findall(done.stdout)), done.stdout


@pytest.mark.parametrize("suite", SUITES)
def test_litmus_passes_as_on_cheroot(dav: Addresses, suite: str, tmp_path: Path) -> None:
    found, output = litmus(suite, dav.gateway, tmp_path)
    expected, _ = litmus(suite, dav.usual, tmp_path)
    assert found == expected, output
    assert len(found) > 3
    assert set(found.values()) <= {"pass", "WARNING", "SKIPPED"}, output


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("OPTIONS", "/", {}),
        ("GET", "/note.txt", {}),
        ("HEAD", "/note.txt", {}),
        ("GET", "/note.txt", {"Range": "bytes=2-4"}),
        ("GET", "/nothing", {}),
        ("PROPFIND", "/note.txt", {"Depth": "0"}),
        ("PROPFIND", "/nothing", {"Depth": "1"}),
        ("GET", "/", {}),
        ("TRACE", "/", {}),
    ],
)
def test_a_request(dav: Addresses, method: str, path: str, headers: dict[str, str]) -> None:
    assert_alike(dav, method, path, headers=headers, clean=CLEAN, but={"etag", "content-length"})
