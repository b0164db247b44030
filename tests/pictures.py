"""Key states of the pages as pictures: ``make screenshots`` takes them, tests compare them.

The pictures of the tests are small and grey, so that other fonts look alike.
"""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageChops, ImageStat
from playwright.sync_api import Browser, Page, expect

FOLDER = Path(__file__).parent / "pages" / "pictures"
SMALL = 240  # pixels of width
# What differs from run to run.
CHANGING = (
    "#overview .time",
    "#results td",
    "#chart",
    "footer",
    ".facts code",
    "#events td",
    "#scope",
)

# How alike a picture must be: the mean difference, and the share of pixels that differ clearly.
MEAN, CLEAR, SHARE = 8.0, 64, 0.06


def nothing(_page: Page) -> None:
    """Do nothing more with a page."""


def wait_for_answers(page: Page) -> None:
    """Wait until the comparison is there."""
    expect(page.locator("#verdict.same, #verdict.differs")).to_be_visible()


def show_body(page: Page) -> None:
    """Open the tab of the body."""
    page.get_by_role("tab", name="Body").click()


def show_unified(page: Page) -> None:
    """Show each value of a difference once."""
    wait_for_answers(page)
    page.get_by_role("button", name="Unified").click()


def filter_routes(page: Page) -> None:
    """Search the routes."""
    page.get_by_label("Search paths and descriptions").fill("users delete")


@dataclass(frozen=True)
class Picture:
    """A state of a page.

    Attributes:
        address: of the page.
        width: of the window, in pixels.
        scheme: ``light`` or ``dark``.
        prepare: brings the page into the state.
    """

    address: str
    width: int = 1280
    scheme: str = "light"
    prepare: Callable[[Page], None] = nothing


PICTURES = {
    "compare-equal": Picture("/", prepare=wait_for_answers),
    "compare-equal-phone-dark": Picture("/", 390, "dark", wait_for_answers),
    "compare-differs-dark": Picture("/?path=/admin/login/", 1280, "dark", show_unified),
    "compare-writes": Picture("/?method=POST&body=%7B%22name%22%3A1%7D", prepare=show_body),
    "code": Picture("/code?operation=GET+/api/users/{user_id}"),
    "routes-searched": Picture("/routes", prepare=filter_routes),
    "race-phone": Picture("/race?path=/api/hello", 390),
    "live-empty-dark": Picture("/live", 1280, "dark"),
    "guide-phone": Picture("/guide", 390),
    "not-found": Picture("/nothing"),
}


def take(browser: Browser, origin: str, picture: Picture) -> bytes:
    """Return a screenshot as PNG, with what changes hidden."""
    context = browser.new_context(
        base_url=origin,
        viewport={"width": picture.width, "height": 800},
        color_scheme=picture.scheme,  # type: ignore[arg-type]  # one of the two allowed values
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(picture.address)
    picture.prepare(page)
    hidden = [page.locator(selector) for selector in CHANGING]
    taken = page.screenshot(mask=hidden, mask_color="#888888")
    context.close()
    return taken


def small(png: bytes) -> Image.Image:
    """Return a picture as it is stored."""
    picture = Image.open(BytesIO(png)).convert("L")
    return picture.resize((SMALL, round(picture.height * SMALL / picture.width)))


def find_difference(one: Image.Image, other: Image.Image) -> str | None:
    """Return how two pictures differ, or None if they look alike."""
    if one.size != other.size:
        return f"the sizes are {one.size} and {other.size}"
    difference = ImageChops.difference(one, other)
    mean = ImageStat.Stat(difference).mean[0]
    clear = sum(difference.histogram()[CLEAR:]) / (one.width * one.height)
    if mean > MEAN or clear > SHARE:
        return f"mean difference {mean:.1f}, {clear:.1%} of the pixels differ clearly"
    return None
