"""Reads README.md and the guide for the tests."""

import re
import shlex
import tomllib
from pathlib import Path

from tests.servers import ROOT

README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = [README, *sorted(DOCS.rglob("*.md"))]
URLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!\\)\]\(([^)\s]+)\)")


def blocks(page: Path, language: str) -> list[str]:
    """Return the fenced code blocks of a language."""
    return [code for name, code in FENCE.findall(page.read_text()) if name == language]


def commands(*programs: str) -> list[list[str]]:
    """Return each command line in README and guide that starts one of these programs."""
    lines = [
        shlex.split(line, comments=True)
        for page in PAGES
        for block in blocks(page, "sh")
        for line in block.replace("\\\n", " ").splitlines()
        if line.startswith(programs)
    ]
    return [list(words) for words in dict.fromkeys(map(tuple, lines))]


def links(page: Path) -> list[str]:
    """Return the targets of all links and pictures outside of code."""
    return LINK.findall(FENCE.sub("", page.read_text()))


def file_of(url: str) -> Path | None:
    """Return the file in this repository that a published URL is built from.

    None for a URL of another site. The file need not exist.
    """
    site, source = URLS["Documentation"].rstrip("/") + "/", URLS["Source"].rstrip("/")
    raw = source.replace("//github.com", "//raw.githubusercontent.com")
    for begin in (f"{source}/blob/main/", f"{source}/tree/main/", f"{raw}/main/"):
        if url.startswith(begin):
            return ROOT / url.removeprefix(begin).partition("#")[0]
    if url.startswith(site):
        name = url.removeprefix(site).partition("#")[0].strip("/")
        return DOCS / f"{name or 'index'}.md"
    return None
