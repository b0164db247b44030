"""The pages in a real Chromium."""

import re
from collections.abc import Iterator

import httpx2 as httpx
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browsers import Record, manage
from tests.compare.applications import MARKUP
from tests.databases import free_port
from tests.sampling import pairs
from tests.servers import serve

PAGES = ("", "code", "race", "routes", "claims", "live", "guide")
SAME = re.compile("^Identical: status; .*; (every byte of the body|no answer has a body)[.]")


def panels(page: Page) -> list[Locator]:
    """The panel of each framework."""
    expect(page.locator(".panel")).to_have_count(3)
    return page.locator(".panel").all()


def test_the_first_page_shows_three_responses_at_once(window: Page) -> None:
    window.goto("/")
    expect(window.get_by_role("status")).to_have_text(SAME)
    for panel, name in zip(panels(window), ("Flask", "FastAPI", "Django"), strict=True):
        expect(panel.get_by_role("heading")).to_have_text(name)
        expect(panel.locator(".code")).to_have_text("200")
        expect(panel.locator(".size")).to_have_text("101 bytes")
        expect(panel.locator(".time")).to_contain_text(re.compile(r"^[\d.]+ ms"))
        expect(panel.locator(".body")).to_contain_text('"name": "Alice"')
        expect(panel.locator(".headers")).to_contain_text("application/json")
        expect(panel.locator(".curl code")).to_have_text(
            re.compile(rf"^curl --include http://.*/{name.lower()}/api/users$")
        )


def test_an_example_is_sent_and_kept_in_the_url(window: Page) -> None:
    window.goto("/")
    window.get_by_label("Operation").select_option(label="Error: no such path: GET /api/nothing")
    for panel in panels(window):
        expect(panel.locator(".code")).to_have_text("404")
    expect(window.get_by_role("status")).to_have_text(SAME)
    window.wait_for_url("**/?path=%2Fapi%2Fnothing")
    window.go_back()
    expect(window.get_by_label("Path, below each prefix")).to_have_value("/api/users")
    for panel in panels(window):
        expect(panel.locator(".code")).to_have_text("200")


def test_a_request_that_writes_waits_for_a_click(window: Page, port: int) -> None:
    window.goto(
        "/?method=POST&body=%7B%22name%22%3A%22E%22%2C%22email%22%3A%22e%40%7Bframework%7D.example%22%7D&ignore=%2Fid%2C+Location"
    )
    expect(window.get_by_role("status")).to_contain_text("Press “Send to all”")
    assert len(httpx.get(f"http://127.0.0.1:{port}/flask/api/users").json()) == 2
    window.get_by_role("button", name="Send to all").click()
    expect(window.get_by_role("status")).to_contain_text("Equal: status; ")
    for panel, name in zip(panels(window), ("flask", "fastapi", "django"), strict=True):
        expect(panel.locator(".code")).to_have_text("201")
        expect(panel.locator(".body")).to_contain_text(f"e@{name}.example")
        expect(panel.locator(".curl code")).to_contain_text(f"e@{name}.example")
    assert len(httpx.get(f"http://127.0.0.1:{port}/flask/api/users").json()) == 5


def test_a_custom_request_can_be_sent(window: Page) -> None:
    window.goto("/")
    window.get_by_label("Method").select_option("HEAD")
    window.get_by_label("Path, below each prefix").fill("/api/users?search=é&limit=1#x")
    window.keyboard.press("Enter")
    expect(window.get_by_role("status")).to_have_text(SAME)
    for panel in panels(window):
        expect(panel.locator(".curl code")).to_contain_text("--head")
        expect(panel.locator(".curl code")).to_contain_text("search=%C3%A9&limit=1%23x")
        expect(panel.locator(".size")).to_have_text("0 bytes")


def test_requests_can_be_sent_one_after_the_other(window: Page) -> None:
    window.goto("/?in-turn=1&ignore=status")
    expect(window.get_by_label("One target after the other")).to_be_checked()
    expect(window.get_by_role("status")).to_have_text(SAME)


def test_names_are_shown_as_text_on_every_page(window: Page, port: int) -> None:
    name = "<script>document.title='cracked'</script><img src=x onerror=alert(1)>"
    user = {"name": name, "email": "script@example.com"}
    httpx.post(f"http://127.0.0.1:{port}/flask/api/users", json=user).raise_for_status()
    for address in (
        "/",
        "/?path=/api/users?search=script",
        f"/?path=/{name}",
        f"/race?path=/{name}",
    ):
        window.goto(address)
        if "race" not in address:
            expect(window.get_by_role("status")).to_have_text(SAME)
        expect(window.locator("main img, main script")).to_have_count(0)
        assert "cracked" not in window.title()
    window.goto("/?path=/api/users?search=script")
    expect(window.locator(".panel .body").first).to_contain_text(name)


def test_large_ids_are_shown_as_written(window: Page) -> None:
    window.goto("/?path=/api/users/9223372036854775807")
    expect(window.locator(".panel .body").first).to_contain_text("9223372036854775807")


# Runs the pages' own function in a page.
SHOWN = """async (text) => {
    const { renderJSON } = await import("/static/json.js");
    const parent = document.createElement("pre");
    renderJSON(parent, text, []);
    return parent.textContent;
}"""


def test_json_is_shown_as_it_was_sent(window: Page) -> None:
    window.goto("/guide")
    shown = window.evaluate(SHOWN, '{"é":"\\u00e9 \\"","n":[1.0,9007199254740993,-0,1e400,{}]}')
    lines = ["{", '  "é": "é \\"",', '  "n": [', "    1.0,", "    9007199254740993,"]
    assert shown.splitlines() == [*lines, "    -0,", "    1e400,", "    {}", "  ]", "}"]
    for text in ('{"a": 1, "a": 2}', '{"2":1,"1":2}', '{"a":NaN}', "[1"):
        assert window.evaluate(SHOWN, text) == text
    # Without the source of numbers, as in older browsers.
    window.evaluate("JSON.parse = (parse => (text) => parse(text))(JSON.parse)")
    assert window.evaluate(SHOWN, '{"n":9007199254740993}') == '{"n":9007199254740993}'


def test_a_page_shows_that_a_cookie_is_set(window: Page) -> None:
    window.goto("/?path=/admin/login/")
    expect(window.locator("[data-target=django] .headers")).to_contain_text(
        "csrftoken=***; expires"
    )


def test_the_command_is_copied(window: Page, port: int) -> None:
    window.context.grant_permissions(["clipboard-read", "clipboard-write"])
    window.goto(f"http://127.0.0.1:{port}/")
    expect(window.get_by_role("status")).to_have_text(SAME)
    window.get_by_role("button", name="Copy the command for Django").click()
    expect(window.get_by_role("status")).to_have_text("Copied to the clipboard.")
    copied = window.evaluate("navigator.clipboard.readText()")
    assert copied == f"curl --include http://127.0.0.1:{port}/django/api/users"


@pytest.fixture
def different(browser: Browser) -> Iterator[Page]:
    """A window on a gateway whose mounts differ on purpose."""
    port = free_port()
    modules = "tests.compare.applications"
    with serve(
        *("gateway", "--port", port, "--only-mounts"),
        *("--mount", f"/one={modules}:main", "--mount", f"/two={modules}:main"),
        *("--mount", f"/three={modules}:changed"),
        origin=f"http://127.0.0.1:{port}",
        path="/one/users",
    ):
        context = browser.new_context(base_url=f"http://127.0.0.1:{port}")
        record = Record(context)
        yield context.new_page()
        context.close()
        assert record.complaints == []


def test_a_difference_is_shown(different: Page) -> None:
    different.goto("/?path=/users")
    status = different.get_by_role("status")
    expect(status).to_have_text(
        re.compile("^1 difference in: status; .*; the values of the JSON body[.]")
    )
    marks = different.locator(".panel .body mark")
    expect(marks).to_have_text(['"Bob"', '"Bob"', '"Rob"'])
    row = different.locator("#differences tbody tr")
    expect(row.locator("th, td")).to_have_text(["body /1/name", "value", '"Bob"', '"Bob"', '"Rob"'])
    different.goto("/?path=/nothing")
    expect(status).to_contain_text(re.compile("^[0-9] differences in: "))
    expect(different.locator("#differences")).to_contain_text("header Content-Type")
    expect(different.locator(".panel .headers mark").first).to_be_attached()
    expect(different.locator(".panel .body mark").first).to_be_visible()
    different.goto("/?path=/users&ignore=/*/name %23 renamed")
    expect(status).to_contain_text("the values of the JSON body; except what 1 rule ignores.")
    expect(different.locator("#differences")).to_be_hidden()
    expect(different.locator("#notes tbody tr")).to_contain_text(["body /1/namerenamed"])
    different.get_by_text("What was compared").click()
    expect(different.locator("#scope")).to_contain_text("ignore /*/name: used 1 time, renamed.")
    expect(different.locator("#scope")).to_contain_text("Headers that count: all but the")


def test_values_are_shown_as_they_were_sent(different: Page) -> None:
    different.goto("/?path=/numbers")
    rows = different.locator("#differences tbody tr")
    for row, cells in enumerate(
        [
            ["body /id", "value", *["9007199254740993"] * 2, "9007199254740992"],
            ["body /n/0", "spelling", "1.0", "1.0", "1"],
            ["body /n/1", "value", "1e400", "1e400", "1e401"],
            ["body /n/2", "spelling", "-0", "-0", "0"],
        ]
    ):
        expect(rows.nth(row).locator("th, td")).to_have_text(cells)
    expect(different.locator(".panel .body mark")).to_have_count(12)
    different.goto("/?path=/binary")
    expect(different.locator(".panel .body").first).to_have_text("In Base64: 1234")


def test_differing_markup_is_shown_as_text(different: Page) -> None:
    different.goto("/?path=/markup")
    expect(different.locator(".panel .headers mark").first).to_have_text(MARKUP)
    expect(different.locator(".panel .body mark").first).to_contain_text(MARKUP)
    expect(different.locator("#differences")).to_contain_text(MARKUP)
    expect(different.locator("main img")).to_have_count(0)


def test_a_missing_response_is_shown(different: Page) -> None:
    different.goto("/?path=/echo&method=PUT&body=x")
    different.get_by_role("button", name="Send to all").click()
    expect(different.get_by_role("status")).to_contain_text("Equal: status; ")
    expect(different.locator("#scope li")).to_contain_text(["Headers", "Headers", "own prefix"])
    assert different.locator(".panel .body").all_inner_texts() == [
        f"PUT /{name}/echo x" for name in ("one", "two", "three")
    ]


def test_the_race_draws_every_framework(window: Page) -> None:
    window.goto("/race?path=/api/hello&count=30")
    expect(window.get_by_label("Requests to each")).to_have_value("30")
    window.get_by_role("button", name="Start").click()
    expect(window.get_by_role("status")).to_have_text("Done.", timeout=30_000)
    for name in ("Flask", "FastAPI", "Django"):
        cells = window.get_by_role("row", name=name).get_by_role("cell")
        expect(cells.nth(0)).to_have_text("30")
        expect(cells.nth(1)).to_have_text("0")
        for place in (2, 3, 4):
            expect(cells.nth(place)).to_have_text(re.compile(r"^\d+\.\d$"))
        expect(cells.nth(5)).to_have_text(re.compile(r"^\d+$"))
    expect(window.locator("#chart .line")).to_have_count(3)
    assert window.get_by_label("Progress").evaluate("bar => bar.value") == 1


def test_a_race_can_be_stopped_and_counts_failures(window: Page) -> None:
    window.goto("/race?path=/api/wait%3Fms%3D100&count=5000")
    window.get_by_role("button", name="Start").click()
    cells = window.get_by_role("row", name="Flask").get_by_role("cell")
    expect(cells.nth(0)).not_to_have_text("0")
    window.get_by_role("button", name="Stop").click()
    expect(window.get_by_role("status")).to_have_text("Stopped.")


def test_the_live_page_shows_changes_as_they_happen(window: Page, port: int) -> None:
    window.goto("/live")
    expect(window.get_by_role("status")).to_have_text("Listening.")
    rows = window.locator("#events tr")
    window.get_by_label("Name of a user to create").fill(MARKUP)
    for place, name in enumerate(("Flask", "FastAPI", "Django"), 1):
        window.get_by_role("button", name=f"Create in {name}", exact=True).click()
        expect(rows).to_have_count(place)
        expect(rows.first).to_contain_text(f"created{MARKUP} <live.")
        expect(rows.first.locator("td").last).to_have_text(name.lower())
    httpx.delete(f"http://127.0.0.1:{port}/django/api/users/1").raise_for_status()
    expect(rows.first).to_contain_text("deletedAlice <alice@example.com>django")
    ids = [int(text) for text in window.locator("#events th").all_inner_texts()]
    assert ids == sorted(ids, reverse=True)


def test_the_live_page_starts_again_when_the_database_was_restored(window: Page, port: int) -> None:
    window.goto("/live")
    expect(window.get_by_role("status")).to_have_text("Listening.")
    rows = window.locator("#events tr")
    window.get_by_role("button", name="Create in Flask", exact=True).click()
    expect(rows).to_have_count(1)
    undo_newest_event()
    expect(rows).to_have_count(0)
    expect(window.get_by_role("status")).to_contain_text("restored or emptied")
    window.get_by_role("button", name="Create in Flask", exact=True).click()
    expect(rows).to_have_count(1)


def undo_newest_event() -> None:
    """Take the newest event out of the table, as a restore of a backup does."""
    newest = "UserEvent.objects.order_by('-id')[:1].get()"
    manage("shell", "--command", f"from django_app.models import *; {newest}.delete()")


LOOKS = [(360, "light"), (1600, "dark"), (360, "dark"), (1600, "light")]


@pytest.mark.parametrize(("page", "look"), pairs(PAGES, LOOKS))
def test_every_page_is_accessible_and_fits_the_screen(
    browser: Browser, port: int, page: str, look: tuple[int, str]
) -> None:
    width, scheme = look
    context = browser.new_context(
        base_url=f"http://127.0.0.1:{port}",
        color_scheme=scheme,  # type: ignore[arg-type]  # one of the two allowed values
        viewport={"width": width, "height": 900},
    )
    window = context.new_page()
    window.goto(f"/{page}")
    if page == "":
        expect(window.get_by_role("status")).to_have_text(SAME)
    serious = [
        f"{violation['id']}: {violation['nodes'][0]['html']}"
        for violation in Axe().run(window).response["violations"]
        if violation["impact"] in ("serious", "critical")
    ]
    assert serious == []
    assert window.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def test_the_keyboard_reaches_everything(window: Page) -> None:
    window.goto("/")
    expect(window.get_by_role("status")).to_have_text(SAME)
    window.keyboard.press("Tab")
    expect(window.get_by_role("link", name="Skip to the content")).to_be_focused()
    reached = set()
    for _ in range(40):
        window.keyboard.press("Tab")
        reached.add(
            window.evaluate(
                "document.activeElement.id || document.activeElement.textContent.trim()"
            )
        )
    assert {"example", "method", "path", "Send to all", "Headers"} <= reached
    assert "Copy the command for Django" in reached
