"""Reports in files."""

import json
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import pytest

from framework_gateway.cli.reports import ENDINGS
from framework_gateway.compare.findings import Comparison, Difference, Kind
from framework_gateway.compare.messages import Answer, Request
from framework_gateway.compare.reports.files import FORMATS, render
from framework_gateway.compare.reports.markdown import as_markdown, code, escape
from framework_gateway.compare.reports.pages import as_html, as_junit
from framework_gateway.compare.summary import Summary
from tests.compare.findings import ASK, summarise
from tests.compare.pairs import JSON, answers

MARKUP = "<script>alert(1)</script>|`x`&amp;"


def different() -> Summary:
    """A summary with markup in values, and a target that does not answer."""
    hostile = json.dumps({"name": MARKUP, "n": 9007199254740993})
    old = answers(hostile, JSON, ("X-Escape", "\x1b[2J"))
    new = answers('{"name":"plain","n":9007199254740992}', JSON)

    async def sometimes(scope: dict[str, str], receive: object, send: object) -> None:
        if scope["path"] == "/fails":
            raise RuntimeError(MARKUP)
        await new(scope, receive, send)

    summary = summarise(old, sometimes, ASK, Request("GET", "/fails"), Request("GET", "/<b>|x"))
    summary.skipped["<i>lines"] = 2
    return summary


def equal() -> Summary:
    return summarise(answers("x"), answers("x"))


class Page(HTMLParser):
    """Collects tags, and what a page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [f"{name}={value}" for name, value in attrs if name in ("src", "href")]


def test_the_page_shows_everything_and_loads_nothing() -> None:
    text = as_html(different())
    page = Page()
    page.feed(text)
    assert "script" not in page.tags
    assert page.loads == []
    assert "url(" not in text
    assert "9007199254740993" in text
    assert "9007199254740992" in text
    assert "&lt;script&gt;alert(1)" in text
    assert "sid=secret" not in text
    assert not re.search("[\x00-\x08\x1b]", text)
    assert '<h1 class="bad">Not equal</h1>' in text
    assert "95 % intervals" in text
    assert '<h1 class="good">Equal</h1>' in as_html(equal())


def test_junit_has_a_case_for_each_route() -> None:
    summary = different()
    root = ElementTree.fromstring(as_junit(summary))
    (suite,) = root.findall("testsuite")
    cases = {case.get("name"): case for case in suite.findall("testcase")}
    assert [*cases] == [*summary.routes]
    failures, errors = suite.findall("testcase/failure"), suite.findall("testcase/error")
    assert suite.attrib["failures"] == str(len(failures))
    assert suite.attrib["errors"] == str(len(errors)) == "1"
    assert suite.attrib["tests"] == str(len(cases))
    texts = "".join(failure.text or "" for failure in failures)
    assert "old: 9007199254740993" in texts
    assert "new: curl --include" in texts
    assert (suite.findtext("system-out") or "").endswith("Left out: 2 <i>lines")
    quiet = ElementTree.fromstring(as_junit(equal()))
    assert quiet.findall(".//failure") == []


def test_junit_passes_only_what_is_equal() -> None:
    undecided = Difference("body", "/x", Kind.VALUE, {}, counts=False, undecided=True)
    summary = Summary(["old", "new"])
    both = [Answer(name, "http://localhost", ASK, 0.1, 200) for name in summary.targets]
    summary.add(Comparison(ASK, both, [undecided]))
    suite = ElementTree.fromstring(as_junit(summary))[0]
    assert [one.get("message") for one in suite.iter("failure")] == [
        "1 request undecided: too few answers"
    ]
    assert suite.get("failures") == "1"
    # A difference that was not found again, as by --shrink.
    again = different()
    again.findings.clear()
    suite = ElementTree.fromstring(as_junit(again))[0]
    assert suite.get("failures") == str(len(again.routes)) == str(len([*suite.iter("failure")]))


def test_junit_of_an_incomplete_run_has_an_error() -> None:
    for summary in (Summary(["old", "new"]), equal()):
        summary.interrupted = summary.total > 0
        suite = ElementTree.fromstring(as_junit(summary))[0]
        assert suite.get("errors") == "1"
        assert suite.get("tests") == str(len(suite.findall("testcase")))
        assert [one.get("type") for one in suite.iter("error")] == ["incomplete"]


def test_markdown_has_one_line_for_each_row() -> None:
    text = as_markdown(different())
    assert "### Comparison: not equal" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert all(re.search(r"(?<!\\)\|$", row) for row in rows)
    assert "9007199254740993" in text
    assert "\\<i\\>lines" in text
    assert "### Comparison: equal" in as_markdown(equal())


@pytest.mark.parametrize(
    ("text", "written"),
    [("a`b", "`` a`b ``"), ("a|b", "` a\\|b `"), ("a\n b", "` a b `"), ("``", "``` `` ```")],
)
def test_code_in_markdown_is_closed(text: str, written: str) -> None:
    assert code(text) == written
    assert len(code("x" * 10_000)) < 400
    assert escape("@a <b> *c*") == "@\N{ZERO WIDTH NON-JOINER}a \\<b\\> \\*c\\*"


@pytest.mark.parametrize("ending", FORMATS)
def test_every_format_is_written(ending: str, tmp_path: Path) -> None:
    targets = {"old": "a:app", "new": "b:app"}
    for summary in (different(), equal()):
        text = render(f"report{ending}", summary, targets, {})
        (tmp_path / "file").write_text(text, errors="backslashreplace")
        assert text or (ending == ".jsonl" and summary.identical)
        if ending in (".json", ".har"):
            json.loads(text)
        if ending == ".py":
            compile(text, "report.py", "exec")


def test_the_command_knows_the_formats() -> None:
    assert tuple(FORMATS) == ENDINGS
