"""The Compare page in a real Chromium: its request."""

import re
from urllib.parse import quote

import httpx2 as httpx
from playwright.sync_api import Page, expect

from tests.pages.comparisons import SAME, copied, panel, paste, row


def test_an_example_is_sent_and_kept_in_the_address(window: Page) -> None:
    window.goto("/")
    window.get_by_label("Operation").select_option(label="Error: no such path: GET /api/nothing")
    for name in ("flask", "fastapi", "django"):
        expect(row(window, name).locator(".code")).to_have_text("404")
    expect(window.get_by_role("status")).to_have_text(SAME)
    window.wait_for_url("**/?path=%2Fapi%2Fnothing")
    expect(window).to_have_title(re.compile("^GET /api/nothing · Compare"))
    window.go_back()
    expect(window.get_by_label("Path, below each prefix")).to_have_value("/api/users")
    expect(row(window, "django").locator(".code")).to_have_text("200")


def test_an_example_that_writes_clears_the_old_answers(window: Page, port: int) -> None:
    window.goto("/")
    expect(window.get_by_role("status")).to_have_text(SAME)
    window.get_by_label("Operation").select_option(label="Create a user in each: POST /api/users")
    expect(window.get_by_role("status")).to_contain_text("Press “Send to all”")
    expect(row(window, "flask").locator(".code")).to_have_text("—")
    expect(window.locator(".panel:visible")).to_have_count(0)
    assert len(httpx.get(f"http://127.0.0.1:{port}/flask/api/users").json()) == 2
    window.get_by_role("button", name="Send to all").click()
    expect(window.get_by_role("status")).to_contain_text("Equal: status; ")
    for name in ("flask", "fastapi", "django"):
        expect(row(window, name).locator(".code")).to_have_text("201")
    assert len(httpx.get(f"http://127.0.0.1:{port}/flask/api/users").json()) == 5


def test_parameters_have_fields(window: Page) -> None:
    window.goto("/")
    expect(window.get_by_role("status")).to_have_text(SAME)
    window.get_by_label("limit", exact=True).fill("1")
    window.get_by_label("search", exact=True).fill("a&b é")
    path = window.get_by_label("Path, below each prefix")
    expect(path).to_have_value("/api/users?limit=1&search=a%26b+%C3%A9")
    expect(window.locator("#tab-parameters .count")).to_have_text("2")
    window.get_by_role("button", name="Add a query parameter").click()
    window.get_by_label("Name of the parameter").fill("x")
    window.get_by_label("Value of the parameter").fill("1")
    expect(path).to_have_value("/api/users?limit=1&search=a%26b+%C3%A9&x=1")
    # And the other way round.
    path.fill("/api/users/7?y=2")
    expect(window.get_by_label("user_id", exact=True)).to_have_value("7")
    expect(window.get_by_label("Name of the parameter")).to_have_value("y")
    window.get_by_label("user_id", exact=True).fill("1")
    window.get_by_role("button", name="Send to all").click()
    expect(panel(window, "flask").locator(".body")).to_contain_text('"name": "Alice"')


def test_an_operation_waits_for_its_parameters(window: Page) -> None:
    window.goto("/")
    expect(window.get_by_role("status")).to_have_text(SAME)
    option = window.locator("#operation option", has_text="GET /api/users/{user_id}")
    window.get_by_label("Operation").select_option(value=option.get_attribute("value"))
    expect(window.get_by_label("Path, below each prefix")).to_have_value(
        re.compile("^/api/users/([{]user_id[}]|[0-9]+)$")
    )


def test_headers_and_a_token_are_sent_but_the_token_is_not_kept(window: Page, port: int) -> None:
    window.context.grant_permissions(["clipboard-read", "clipboard-write"])
    window.goto(f"http://127.0.0.1:{port}/?path=/api/hello")
    expect(window.get_by_role("status")).to_have_text(SAME)
    window.get_by_role("tab", name="Headers").click()
    window.get_by_role("button", name="Add a header").click()
    window.get_by_label("Name of the header").fill("X-Color")
    window.get_by_label("Value of the header").fill("blue")
    window.get_by_label("Token, sent as Authorization").fill("not-a-token")
    expect(window.locator("#tab-headers .count")).to_have_text("2")
    window.get_by_role("button", name="Send to all").click()
    for name in ("flask", "fastapi", "django"):
        expect(row(window, name).locator(".code")).to_have_text("401")
    window.wait_for_url("**header=X-Color**")
    assert "not-a-token" not in window.url
    assert "not-a-token" not in window.evaluate("JSON.stringify({...localStorage})")
    curl = copied(window, "curl", "Flask")
    assert "--header 'X-Color: blue'" in curl
    assert "--header 'Authorization: Bearer not-a-token'" in curl


def test_a_body_is_checked_and_formatted(window: Page) -> None:
    window.goto("/?method=POST&body=" + quote('{"name":"E","email":"e@x.example"}'))
    window.get_by_role("tab", name="Body").click()
    expect(window.locator("#body-state")).to_have_text("Valid JSON.")
    window.get_by_role("button", name="Format").click()
    body = window.get_by_label("Body; {framework}")
    expect(body).to_have_value('{\n  "name": "E",\n  "email": "e@x.example"\n}')
    body.fill('{"name": }')
    expect(window.locator("#body-state")).to_contain_text("Not JSON: ")
    body.fill('{"id": 9007199254740993}')
    window.get_by_role("button", name="Format").click()
    expect(window.locator("#body-state")).to_contain_text("its numbers would change")
    expect(body).to_have_value('{"id": 9007199254740993}')


def test_a_curl_command_can_be_pasted(window: Page, port: int) -> None:
    command = (
        f"curl -X PATCH http://127.0.0.1:{port}/django/api/users/2 -H 'X-Color: red'"
        ' --json \'{"name": "B"}\''
    )
    window.goto("/")
    expect(window.get_by_role("status")).to_have_text(SAME)
    paste(window, command)
    expect(window.get_by_label("Method", exact=True)).to_have_value("PATCH")
    expect(window.get_by_label("Path, below each prefix")).to_have_value("/api/users/2")
    expect(window.locator("#body")).to_have_value('{"name": "B"}')
    expect(window.locator("#headers input").first).to_have_value(re.compile("Accept|X-Color"))


def test_a_command_that_cannot_be_read_is_a_sentence(troubled: Page) -> None:
    troubled.goto("/")
    expect(troubled.get_by_role("status")).to_have_text(SAME)
    paste(troubled, "curl --data @/etc/hostname http://x/")
    expect(troubled.get_by_role("status")).to_contain_text("this command sends the file")


def test_sent_requests_are_in_the_history(window: Page) -> None:
    window.goto("/?path=/api/hello")
    expect(window.get_by_role("status")).to_have_text(SAME)
    window.goto("/?path=/api/users/1")
    expect(window.get_by_role("status")).to_have_text(SAME)
    window.get_by_text("History", exact=True).click()
    expect(window.locator("#history li")).to_have_text(["GET /api/users/1", "GET /api/hello"])
    window.get_by_role("button", name="GET /api/hello").click()
    expect(panel(window, "flask").locator(".body")).to_contain_text("Hello, World!")
    window.get_by_text("History", exact=True).click()
    window.get_by_role("button", name="Clear the history").click()
    expect(window.get_by_text("are kept in this browser")).to_be_visible()


def test_a_custom_request_can_be_sent(window: Page) -> None:
    window.goto("/")
    window.get_by_label("Method", exact=True).select_option("HEAD")
    window.get_by_label("Path, below each prefix").fill("/api/users?search=é&limit=1#x")
    window.keyboard.press("Enter")
    expect(window.get_by_role("status")).to_have_text(SAME)
    for name in ("flask", "fastapi", "django"):
        expect(row(window, name).locator(".size")).to_have_text("0 bytes")


def test_requests_can_be_sent_one_after_the_other(window: Page) -> None:
    window.goto("/?in-turn=1&ignore=status")
    window.get_by_role("tab", name="Options").click()
    expect(window.get_by_label("One target after the other")).to_be_checked()
    expect(window.get_by_role("status")).to_have_text(SAME)


def test_own_mounts_are_asked_by_their_names(different: Page) -> None:
    different.goto("/?path=/echo&method=PUT&body=x")
    expect(different.get_by_role("heading", level=1)).to_have_text("One request, three answers")
    different.get_by_role("button", name="Send to all").click()
    expect(different.get_by_role("status")).to_contain_text("Equal: status; ")
    expect(different.locator("#scope li")).to_contain_text(["Headers", "Headers", "own prefix"])
    different.get_by_role("button", name="Show all 3").click()
    assert different.locator(".panel .body").all_inner_texts() == [
        f"PUT /{name}/echo x" for name in ("one", "two", "three")
    ]


def test_a_path_that_cannot_be_asked_is_a_sentence(different: Page) -> None:
    different.goto("/?path=/a/../b")
    expect(different.get_by_role("status")).to_have_text(
        "No comparison: The path has a dot segment."
    )
    expect(different.locator(".panel:visible")).to_have_count(0)


def test_what_the_document_does_not_allow_is_sent(window: Page) -> None:
    window.goto("/")
    expect(window.get_by_role("status")).to_have_text(SAME)
    window.get_by_label("limit", exact=True).press_sequentially("-1")
    window.keyboard.press("Tab")
    expect(window.get_by_label("limit", exact=True)).to_have_css("border-top-style", "dashed")
    window.get_by_role("button", name="Send to all").click()
    for name in ("flask", "fastapi", "django"):
        expect(row(window, name).locator(".code")).to_have_text(re.compile("^4"))


def test_a_history_of_another_program_is_no_error(window: Page) -> None:
    window.goto("/guide")
    window.evaluate("localStorage.setItem('gateway-history', '{}')")
    window.goto("/?path=/api/hello")
    expect(window.get_by_role("status")).to_have_text(SAME)
    expect(window.locator("#history li")).to_have_count(1)
