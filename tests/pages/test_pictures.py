"""The pages look as they did; ``make screenshots`` takes the pictures anew."""

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Browser

from tests.databases import PostgreSQL, SQLite
from tests.pictures import FOLDER, PICTURES, find_difference, small, take
from tests.sampling import every


def stored(name: str) -> Image.Image:
    """Return a picture as it was taken."""
    with Image.open(FOLDER / f"{name}.png") as picture:
        return picture.copy()


@pytest.mark.parametrize("name", every(2, [*PICTURES]))
def test_a_page_looks_as_it_did(
    browser: Browser, port: int, database: SQLite | PostgreSQL, name: str
) -> None:
    taken = small(take(browser, f"http://127.0.0.1:{port}", PICTURES[name]))
    assert find_difference(stored(name), taken) is None


def test_there_is_a_picture_of_each_state_and_no_other() -> None:
    assert {file.stem for file in FOLDER.glob("*.png")} == {*PICTURES}


def test_a_missing_panel_is_a_difference() -> None:
    equal = stored("compare-equal")
    changed = equal.copy()
    half = [0, equal.height // 2, equal.width, equal.height]
    ImageDraw.Draw(changed).rectangle(half, fill=255)
    assert find_difference(equal, equal.copy()) is None
    assert find_difference(equal, changed) is not None
    assert find_difference(equal, stored("race-phone")) is not None
