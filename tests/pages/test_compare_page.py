"""The Compare page in a real Chromium: its request and its answers."""

import json
import re
from urllib.parse import quote

import httpx2 as httpx
from playwright.sync_api import Locator, Page, expect

from tests.compare.applications import MARKUP

SAME = re.compile("^Identical: status; .*; (every byte of the body|no answer has a body)[.]")


def row(page: Page, target: str) -> Locator:
    """The row of a target in the overview."""
    return page.locator(f"#overview tr[data-target={target}]")


def panel(page: Page, target: str) -> Locator:
    """The panel with the answer of a target."""
    return page.locator(f".panel[data-target={target}]")


def copied(page: Page, kind: str, target: str) -> str:
    """Press a copy button; return what is in the clipboard."""
    page.get_by_role("button", name=f"{kind} for {target}").click()
    expect(page.get_by_role("status")).to_have_text("Copied to the clipboard.")
    return str(page.evaluate("navigator.clipboard.readText()"))


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
    expect(row(window, "flask").locator(".code")).to_have_text("…")
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


def paste(window: Page, text: str) -> None:
    """Paste a text into the field of the path."""
    window.get_by_label("Path, below each prefix").evaluate(
        """(field, text) => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text", text);
            field.dispatchEvent(new ClipboardEvent("paste", {clipboardData, cancelable: true}));
        }""",
        text,
    )


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


def test_answers_appear_as_they_arrive_and_a_slow_one_can_be_cancelled(different: Page) -> None:
    different.goto("/?path=/slow-in-three")
    expect(row(different, "one").locator(".code")).to_have_text("200")
    expect(row(different, "two").locator(".code")).to_have_text("200")
    expect(row(different, "three").locator(".code")).to_have_text("…")
    expect(panel(different, "one").locator(".body")).to_be_visible()
    expect(different.get_by_role("status")).to_have_text("2 of 3 have answered …")
    different.get_by_role("button", name="Cancel").click()
    expect(different.get_by_role("status")).to_have_text("Cancelled.")
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


def test_what_the_document_does_not_allow_is_sent(window: Page) -> None:
    window.goto("/")
    expect(window.get_by_role("status")).to_have_text(SAME)
    window.get_by_label("Path, below each prefix").fill("/api/users?limit=-1")
    window.get_by_role("button", name="Send to all").click()
    for name in ("flask", "fastapi", "django"):
        expect(row(window, name).locator(".code")).to_have_text(re.compile("^4"))


def test_a_history_of_another_program_is_no_error(window: Page) -> None:
    window.goto("/guide")
    window.evaluate("localStorage.setItem('gateway-history', '{}')")
    window.goto("/?path=/api/hello")
    expect(window.get_by_role("status")).to_have_text(SAME)
    expect(window.locator("#history li")).to_have_count(1)
