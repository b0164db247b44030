"""The pages in a real Chromium, for one mount and for twelve with long names."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect

from tests.browsers import recorded_window
from tests.databases import free_port
from tests.pages.comparisons import paste
from tests.servers import serve

MODULE = "tests.compare.applications"
NAMES = ["shop", "shop/admin", "x" * 80, *(f"name-{number}" for number in range(8)), "changed"]


def served(*mounts: str) -> Iterator[str]:
    """Serve these mounts; yield the origin."""
    port = free_port()
    words = [word for mount in mounts for word in ("--mount", mount)]
    command = ("gateway", "--port", port, "--only-mounts", *words)
    origin, path = f"http://127.0.0.1:{port}", f"{mounts[0].partition('=')[0]}/users"
    with serve(*command, origin=origin, path=path):
        yield origin


@pytest.fixture(scope="module")
def twelve_origin() -> Iterator[str]:
    """A gateway with twelve mounts, of which the last answers differently."""
    kinds = ["main"] * 11 + ["changed"]
    yield from served(
        *(f"/{name}={MODULE}:{kind}" for name, kind in zip(NAMES, kinds, strict=True))
    )


@pytest.fixture(scope="module")
def alone_origin() -> Iterator[str]:
    """A gateway with one mount."""
    yield from served(f"/one={MODULE}:main")


@pytest.fixture
def twelve(browser: Browser, twelve_origin: str) -> Iterator[Page]:
    """A window on twelve mounts."""
    with recorded_window(browser, twelve_origin) as (page, _):
        yield page


@pytest.fixture
def alone(browser: Browser, alone_origin: str) -> Iterator[Page]:
    """A window on one mount."""
    with recorded_window(browser, alone_origin) as (page, _):
        yield page


def test_twelve_mounts_fit_each_page(twelve: Page) -> None:
    for width in (360, 768, 1600):
        twelve.set_viewport_size({"width": width, "height": 900})
        for address in ("/?path=/users", "/race", "/code", "/routes"):
            twelve.goto(address)
            if address.startswith("/?"):
                expect(twelve.get_by_role("status")).to_contain_text("1 difference")
            wide = twelve.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, (address, width)


def test_forms_to_choose_from_are_accessible(twelve: Page) -> None:
    for address in ("/code", "/race", "/routes"):
        twelve.goto(address)
        violations = Axe().run(twelve).response["violations"]
        assert [violation["id"] for violation in violations] == [], address


def test_eleven_equal_answers_are_one_and_the_odd_one_is_named(twelve: Page) -> None:
    twelve.set_viewport_size({"width": 1600, "height": 900})
    twelve.goto("/?path=/users")
    expect(twelve.get_by_role("heading", level=1)).to_have_text("One request, 12 answers")
    expect(twelve.get_by_role("status")).to_contain_text("1 difference")
    expect(twelve.locator(".panel:visible")).to_have_count(2)
    expect(twelve.locator("#overview .odd:visible")).to_have_count(1)
    cell = twelve.locator("#differences tbody td").nth(1)
    assert cell.evaluate("cell => cell.getBoundingClientRect().width") >= 80


def test_the_prefix_of_a_pasted_command_is_the_longest_that_fits(twelve: Page) -> None:
    twelve.goto("/?path=/users")
    path = twelve.get_by_label("Path, below each prefix")
    for below, shown in (("/shop/admin/users?a=1", "/users?a=1"), ("/shop?a=1", "/?a=1")):
        paste(twelve, f"curl -X PUT http://127.0.0.1{below}")
        expect(path).to_have_value(shown)


def test_a_race_of_twelve_has_a_row_for_each(twelve: Page) -> None:
    twelve.goto("/race?path=/users&amount=9&connections=1")
    twelve.get_by_role("button", name="Start").click()
    expect(twelve.locator("#chart .interval")).to_have_count(12, timeout=60_000)
    expect(twelve.locator("#chart text", has_text="xxxxxxxxxxxxxx…")).to_have_count(1)
    expect(twelve.get_by_role("button", name="Stop")).to_be_hidden(timeout=60_000)


def test_one_mount_is_asked_but_not_called_equal(alone: Page) -> None:
    alone.goto("/?path=/users")
    expect(alone.get_by_role("status")).to_have_text(
        "Answered. Mount a second application to compare it with."
    )
    expect(alone.locator("#operation option", has_text="GET /users")).to_have_count(1)
    expect(alone.get_by_role("button", name="Send", exact=True)).to_be_visible()


def test_the_first_path_is_a_guess_and_not_asked(alone: Page) -> None:
    alone.goto("/")
    expect(alone.get_by_role("status")).to_have_text(
        "Press “Send” to send this request, or choose another one."
    )
    expect(alone.locator("#overview .code")).to_have_text("—")
    alone.get_by_role("button", name="Send", exact=True).click()
    expect(alone.get_by_role("status")).to_contain_text("Answered.")


def test_one_mount_wins_no_race(alone: Page) -> None:
    alone.goto("/race?path=/users&amount=9&connections=1")
    alone.get_by_role("button", name="Start").click()
    expect(alone.get_by_role("status")).to_contain_text(
        "There is no other to race.", timeout=60_000
    )
