"""The guide builds without a warning, loads nothing from other hosts, and names what exists."""

import os
import re
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import click
import pytest
import yaml

from contract.settings import Settings
from framework_gateway.cli.main import main as gateway
from framework_gateway.config import Config
from showdown.__main__ import main as showdown
from tests.documents import DOCS, PAGES, commands, file_of, links
from tests.servers import ROOT, SCRIPTS

# The site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The guide, built as by ``make docs``."""
    directory = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [SCRIPTS / "mkdocs", "build", "--strict", "--quiet", "--site-dir", directory],
        cwd=ROOT,
        # Modules that mkdocs imports may raise unrelated warnings.
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return directory


class Requests(HTMLParser):
    """Collects the URLs that a browser loads by itself to show a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        # Browsers do not load a canonical URL; they may load any other link of a head.
        if tag == "link" and values.get("rel") != "canonical":
            self.found.append(values.get("href") or "")
        self.found += [values[name] or "" for name in ("src", "srcset", "data") if name in values]


def test_the_guide_loads_nothing_from_other_hosts(site: Path) -> None:
    pages = [*site.rglob("*.html")]
    assert len(pages) > len(PAGES) - 1
    for page in pages:
        requests = Requests()
        requests.feed(page.read_text())
        assert requests.found
        assert [one for one in requests.found if re.match("([a-z]+:)?//", one)] == [], page
    for style in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", style.read_text()), style


def test_the_navigation_has_every_page() -> None:
    def files(entry: object) -> Iterator[str]:
        if isinstance(entry, str):
            yield entry
        elif isinstance(entry, dict):
            for inner in entry.values():
                yield from files(inner)
        elif isinstance(entry, list):
            for inner in entry:
                yield from files(inner)

    listed = [*files(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"])]
    assert sorted(listed) == sorted(str(page.relative_to(DOCS)) for page in PAGES[1:])


def test_every_link_to_the_repository_leads_to_a_file() -> None:
    found = [file for page in PAGES for link in links(page) if (file := file_of(link))]
    assert found
    assert [file for file in found if not file.exists()] == []


def test_every_picture_has_an_alternative_text() -> None:
    texts = [text for page in PAGES for text in re.findall(r"!\[([^]]*)\]", page.read_text())]
    assert texts
    assert all(len(text) > 20 for text in texts)


# What the pages name


def test_every_file_that_a_page_names_exists() -> None:
    named = {
        name
        for page in PAGES
        for name in re.findall(
            r"`((?:contract|deploy|docs|framework_gateway|showdown|tests|\w+_app)/[\w/.-]*)`",
            page.read_text(),
        )
    }
    assert len(named) > 10
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_setting_that_a_page_names_exists() -> None:
    names = {f"GATEWAY_{name.upper()}" for name in {**Config.model_fields, **Settings.model_fields}}
    for page in PAGES:
        assert {*re.findall(r"\bGATEWAY_[A-Z_]+", page.read_text())} <= names, page


def test_every_make_target_that_a_page_names_exists() -> None:
    targets = {*re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M)}
    for page in PAGES:
        named = re.findall(r"(?:`|^)make ([a-z-]+)(?:`| )", page.read_text(), re.M)
        assert {*named} <= targets, page


@pytest.mark.parametrize("command", commands("gateway ", "python -m showdown "), ids=" ".join)
def test_every_option_that_a_page_names_exists(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for file in ("requests.jsonl", "access.log", "browser.har", "parsers.toml"):
        Path(file).touch()
    group: click.Group = gateway
    if command[0] == "python":
        group, command = showdown, command[2:]
    context = click.Context(group)
    name, found, arguments = group.resolve_command(context, command[1:])
    assert found is not None
    assert name is not None
    with found.make_context(name, [*arguments]):
        pass  # the context closes the files that it has opened


@pytest.mark.parametrize(
    ("page", "command"),
    [
        ("mounting", gateway.commands["serve"]),
        ("comparing", gateway.commands["compare"]),
        ("measuring", showdown.commands["bench"]),
        ("measuring", showdown.commands["claims"]),
    ],
)
def test_every_option_is_documented(page: str, command: click.Command) -> None:
    """The tables of options and the commands have the same options."""
    text = (DOCS / f"{page}.md").read_text()
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert any(f"`{name}" in text for name in parameter.opts), parameter.opts
