"""The Race page in a real Chromium."""

import re

from playwright.sync_api import Page, expect

FIGURE = re.compile("^[0-9.]+ [(][0-9.]+\N{EN DASH}[0-9.]+[)]$")


def test_the_race_measures_every_application_in_rounds(window: Page) -> None:
    window.goto("/race?path=/api/hello&amount=45&unit=requests&connections=2")
    expect(window.get_by_label("Each gets")).to_have_value("45")
    expect(window).to_have_title(re.compile("^/api/hello · Race"))
    window.get_by_role("button", name="Start").click()
    expect(window.get_by_role("status")).to_have_text(
        re.compile("(answers /api/hello fastest in this browser|^No difference that this browser)"),
        timeout=60_000,
    )
    for name in ("Flask", "FastAPI", "Django"):
        cells = window.get_by_role("row", name=name).get_by_role("cell")
        expect(cells).to_have_text([FIGURE, FIGURE, "45", "0"])
    expect(window.locator("#chart .interval")).to_have_count(3)
    expect(window).to_have_title(re.compile("^/api/hello · Race"))
    assert window.get_by_label("Progress").evaluate("bar => bar.value") == 1


def test_two_mounts_of_one_application_have_no_winner(different: Page) -> None:
    different.goto("/race?path=/users&amount=90&connections=1")
    different.get_by_role("button", name="Start").click()
    status = different.get_by_role("status")
    expect(status).to_contain_text("No difference that this browser can see", timeout=60_000)


def test_a_race_can_be_stopped(window: Page) -> None:
    window.goto("/race?path=/api/wait%3Fms%3D100&amount=9&unit=seconds")
    window.get_by_role("button", name="Start").click()
    expect(window.get_by_role("status")).to_contain_text("Round")
    window.get_by_role("button", name="Stop").click()
    expect(window.get_by_role("status")).to_have_text("Stopped.")
    expect(window.get_by_role("button", name="Stop")).to_be_hidden()


def test_failures_are_counted_by_status_and_nobody_wins(troubled: Page) -> None:
    troubled.goto("/race?path=/api/users/999999&amount=18")
    troubled.get_by_role("button", name="Start").click()
    status = troubled.get_by_role("status")
    expect(status).to_have_text(re.compile("^Not comparable: requests to"), timeout=60_000)
    expect(troubled.get_by_role("row", name="Flask").get_by_role("cell").last).to_have_text(
        "18 \N{MULTIPLICATION SIGN} 404"
    )


def test_a_race_ends_when_the_server_is_gone(troubled: Page) -> None:
    troubled.goto("/race?path=/api/hello&amount=90")
    troubled.route("**/api/hello", lambda route: route.abort())
    troubled.get_by_role("button", name="Start").click()
    expect(troubled.get_by_role("status")).to_contain_text("does not answer any more")
