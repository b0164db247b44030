"""The Compare page in a real Chromium: its answers, and what it gives to other programs."""

import json
import re

import httpx2 as httpx
from playwright.sync_api import Page, expect

from tests.compare.applications import MARKUP
from tests.pages.comparisons import SAME, copied, panel, row


def test_the_first_page_shows_one_answer_for_three_equal_ones(window: Page) -> None:
    window.goto("/")
    expect(window.get_by_role("status")).to_have_text(SAME)
    for name, title in (("flask", "Flask"), ("fastapi", "FastAPI"), ("django", "Django")):
        expect(row(window, name).get_by_role("rowheader")).to_contain_text(title)
        expect(row(window, name).locator(".code")).to_have_text("200")
        expect(row(window, name).locator(".size")).to_have_text("101 bytes")
        expect(row(window, name).locator(".time")).to_have_text(re.compile(r"^[\d.]+ ms"))
    expect(row(window, "flask").locator(".time")).to_contain_text("queue")
    expect(panel(window, "flask").get_by_role("heading")).to_have_text("Flask = FastAPI = Django")
    expect(panel(window, "flask").locator(".body")).to_contain_text('"name": "Alice"')
    expect(panel(window, "flask").locator(".headers")).to_contain_text("application/json")
    expect(panel(window, "django")).to_be_hidden()
    window.get_by_role("button", name="Show all 3").click()
    expect(panel(window, "django").locator(".body")).to_contain_text('"name": "Alice"')
    window.get_by_role("button", name="Show equal answers once").click()
    expect(panel(window, "django")).to_be_hidden()


def test_answers_appear_as_they_arrive_and_a_slow_one_can_be_cancelled(different: Page) -> None:
    different.goto("/?path=/slow-in-three")
    expect(row(different, "one").locator(".code")).to_have_text("200")
    expect(row(different, "two").locator(".code")).to_have_text("200")
    expect(row(different, "three").locator(".code")).to_have_text("…")
    expect(panel(different, "one").locator(".body")).to_be_visible()
    expect(different.get_by_role("status")).to_have_text("2 of 3 have answered …")
    different.get_by_role("button", name="Cancel").click()
    expect(different.get_by_role("status")).to_have_text("Cancelled.")
    expect(row(different, "three").locator(".code")).to_have_text("—")
    expect(different.get_by_role("button", name="Cancel")).to_be_hidden()


def test_commands_are_copied_for_three_programs(window: Page, port: int) -> None:
    window.context.grant_permissions(["clipboard-read", "clipboard-write"])
    origin = f"http://127.0.0.1:{port}"
    window.goto(f"{origin}/")
    expect(window.get_by_role("status")).to_have_text(SAME)
    window.get_by_role("button", name="Show all 3").click()
    url = f"{origin}/django/api/users"
    assert copied(window, "curl", "Django") == f"curl --include --request GET {url}"
    assert copied(window, "HTTPie", "Django") == f"http --print=hb GET {url}"
    program = copied(window, "Python", "Django")
    compile(program, "copied", "exec")
    assert f"httpx.request('GET', '{url}')" in program


def test_a_comparison_is_saved_as_a_test(different: Page) -> None:
    different.goto("/?path=/users")
    expect(different.get_by_role("status")).to_contain_text("1 difference")
    different.get_by_text("Save as test").click()
    with different.expect_download() as saved:
        different.get_by_role("button", name="pytest module").click()
    text = saved.value.path().read_text()
    assert saved.value.suggested_filename == "test_compared.py"
    compile(text, "test_compared.py", "exec")
    assert 'compare.assert_equal("GET", "/users")' in text
    with different.expect_download() as saved:
        different.get_by_role("button", name="line for").click()
    assert json.loads(saved.value.path().read_text()) == {"method": "GET", "path": "/users"}


def test_names_are_shown_as_text(window: Page, port: int) -> None:
    name = "<script>document.title='cracked'</script><img src=x onerror=alert(1)>"
    user = {"name": name, "email": "script@example.com"}
    httpx.post(f"http://127.0.0.1:{port}/flask/api/users", json=user).raise_for_status()
    for address in ("/", "/?path=/api/users?search=script", f"/?path=/{name}"):
        window.goto(address)
        expect(window.get_by_role("status")).to_have_text(SAME)
        expect(window.locator("main img, main script")).to_have_count(0)
        assert "cracked" not in window.title().split("·")[-1]
    window.goto("/?path=/api/users?search=script")
    expect(panel(window, "flask").locator(".body")).to_contain_text(name)


def test_large_ids_are_shown_as_written(window: Page) -> None:
    window.goto("/?path=/api/users/9223372036854775807")
    expect(panel(window, "flask").locator(".body")).to_contain_text("9223372036854775807")


# Runs the pages' own function in a page.
SHOWN = """async (text) => {
    const style = document.querySelector("link[rel=stylesheet]").href;
    const { renderJSON } = await import(style.replace("style.css", "dom.js"));
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
    expect(panel(window, "django").locator(".headers")).to_contain_text("csrftoken=***; expires")


def test_a_difference_is_shown_and_the_odd_one_is_named(different: Page) -> None:
    different.goto("/?path=/users")
    status = different.get_by_role("status")
    expect(status).to_have_text(
        re.compile("^1 difference in: status; .*; the values of the JSON body[.]")
    )
    expect(row(different, "three").locator(".odd")).to_be_visible()
    expect(row(different, "one").locator(".odd")).to_be_hidden()
    expect(panel(different, "one").get_by_role("heading")).to_have_text("one = two")
    expect(panel(different, "two")).to_be_hidden()
    marks = different.locator(".panel:visible .body mark")
    expect(marks).to_have_text(['"Bob"', '"Rob"'])
    cells = different.locator("#differences tbody tr").locator("th, td")
    expect(cells).to_have_text(["body /1/name", "value", '"Bob"', '"Bob"', '"Rob"'])
    different.get_by_role("button", name="Unified").click()
    expect(different.locator("#differences dd")).to_have_text(['"Bob" one, two', '"Rob" three'])
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
    for number, cells in enumerate(
        [
            ["body /id", "value", *["9007199254740993"] * 2, "9007199254740992"],
            ["body /n/0", "spelling", "1.0", "1.0", "1"],
            ["body /n/1", "value", "1e400", "1e400", "1e401"],
            ["body /n/2", "spelling", "-0", "-0", "0"],
        ]
    ):
        expect(rows.nth(number).locator("th, td")).to_have_text(cells)
    expect(different.locator(".panel:visible .body mark")).to_have_count(8)


def test_binary_data_is_shown_by_size_digest_and_digits(different: Page) -> None:
    different.goto("/?path=/binary")
    body = panel(different, "one").locator(".body")
    expect(body).to_contain_text("3 bytes of application/octet-stream")
    expect(body).to_contain_text(re.compile("SHA-256 [0-9a-f]{64}"))
    expect(body).to_contain_text("0000  d7 6d f8")


def test_many_differences_are_shown_in_steps(different: Page) -> None:
    different.goto("/?path=/many")
    expect(different.get_by_role("status")).to_contain_text("300 differences")
    rows = different.locator("#differences tbody tr")
    expect(rows).to_have_count(50)
    different.get_by_role("button", name="Show all 300").click()
    expect(rows).to_have_count(300)


def test_differing_markup_is_shown_as_text(different: Page) -> None:
    different.goto("/?path=/markup")
    expect(different.locator(".panel .headers mark").first).to_have_text(MARKUP)
    expect(different.locator(".panel .body mark").first).to_contain_text(MARKUP)
    expect(different.locator("#differences")).to_contain_text(MARKUP)
    expect(different.locator("main img")).to_have_count(0)


def test_another_request_replaces_one_that_is_not_answered(different: Page) -> None:
    different.goto("/?method=PUT&path=/echo")
    status = different.get_by_role("status")
    expect(status).to_contain_text("may change data")
    different.get_by_label("Method", exact=True).select_option("GET")
    different.get_by_label("Path, below each prefix").fill("/slow-in-three")
    different.get_by_role("button", name="Send to all").click()
    expect(status).to_have_text("2 of 3 have answered …")
    different.go_back()
    expect(different.get_by_role("button", name="Cancel")).to_be_hidden()
    expect(status).to_contain_text("may change data")
    expect(different.locator(".panel:visible")).to_have_count(0)


def test_an_answer_is_copied_while_others_are_awaited(different: Page) -> None:
    different.context.grant_permissions(["clipboard-read", "clipboard-write"])
    different.goto("/?path=/slow-in-three")
    expect(different.get_by_role("status")).to_have_text("2 of 3 have answered …")
    assert copied(different, "curl", "one").endswith("/one/slow-in-three")
