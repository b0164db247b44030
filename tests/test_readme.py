"""README.md: two screens, whose links lead to files."""

import re

import pytest

from tests.documents import README, links
from tests.servers import ROOT

LINES = 150
PNG = b"\x89PNG\r\n"


def test_the_readme_has_at_most_150_lines() -> None:
    assert len(README.read_text().splitlines()) <= LINES


@pytest.mark.parametrize("link", links(README))
def test_every_link_leads_to_a_file(link: str) -> None:
    assert (ROOT / link.partition("#")[0]).is_file()


def test_the_pictures_of_the_readme_exist() -> None:
    pictures = re.findall(r"^!\[[^]]+\]\(([^)]+)\)$", README.read_text(), re.M)
    assert pictures
    for picture in pictures:
        assert (ROOT / picture).read_bytes().startswith(PNG)


def test_the_readme_lists_every_page_of_the_guide() -> None:
    linked = {ROOT / link.partition("#")[0] for link in links(README)}
    pages = {*(ROOT / "docs").glob("*.md")} - {ROOT / "docs" / "index.md"}
    assert linked >= pages


def test_every_path_in_the_layout_exists() -> None:
    (layout,) = re.findall(r"^## Layout\n+```\n(.*?)^```$", README.read_text(), re.M | re.S)
    for line in layout.splitlines():
        assert (ROOT / line.split()[0]).exists(), line
