"""README.md: two screens, whose links work here and on PyPI."""

import re

import pytest

from tests.documents import README, file_of, links
from tests.servers import ROOT

LINES = 150
PNG = b"\x89PNG\r\n"


def test_the_readme_has_at_most_150_lines() -> None:
    assert len(README.read_text().splitlines()) <= LINES


@pytest.mark.parametrize("link", links(README))
def test_every_link_works_on_pypi_and_names_a_file(link: str) -> None:
    """PyPI shows the README alone, so a relative link would lead nowhere."""
    assert link.startswith("https://")
    file = file_of(link)
    assert file is not None, f"{link} is not of this project"
    assert file.is_file()


def test_the_pictures_of_the_readme_exist() -> None:
    pictures = re.findall(r"^!\[[^]]+\]\(([^)]+)\)$", README.read_text(), re.M)
    assert pictures
    for picture in pictures:
        file = file_of(picture)
        assert file is not None
        assert file.read_bytes().startswith(PNG)


def test_the_readme_lists_every_page_of_the_guide() -> None:
    linked = {file for link in links(README) if (file := file_of(link)) and file.suffix == ".md"}
    pages = {*(ROOT / "docs").glob("*.md")} - {ROOT / "docs" / "index.md"}
    assert linked >= pages


def test_every_path_in_the_layout_exists() -> None:
    (layout,) = re.findall(r"^## Layout\n+```\n(.*?)^```$", README.read_text(), re.M | re.S)
    for line in layout.splitlines():
        assert (ROOT / line.split()[0]).exists(), line
