"""Reports in a terminal."""

import io
import json
from typing import Literal

import pytest
from rich.console import Console

from framework_gateway.compare.messages import Request
from framework_gateway.compare.reports import terminal
from framework_gateway.compare.reports.bodies import shown_lines
from framework_gateway.compare.reports.terminal import print_comparison, print_summary
from framework_gateway.compare.summary import Summary
from tests.compare.findings import summarise
from tests.compare.pairs import JSON, answers

LONG = "x" * 300
OLD = {"id": 1, "name": LONG, "items": [*range(100)], "price": 1}
NEW = {**OLD, "name": f"{LONG}y", "price": None}


def console(width: int = 80, coloured: bool = False) -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    system: Literal["standard"] | None = "standard" if coloured else None
    return Console(file=stream, width=width, force_terminal=coloured, color_system=system), stream


def summary() -> Summary:
    return summarise(
        answers(json.dumps(OLD), JSON), answers(json.dumps(NEW), JSON), ignore=["/none"]
    )


def shown(width: int = 80) -> str:
    found, stream = console(width)
    one = summary().only
    assert one is not None
    print_comparison(one, found)
    return stream.getvalue()


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_values_are_whole_at_any_width(width: int) -> None:
    text = shown(width)
    assert all(len(line) <= width for line in text.splitlines()[1:])
    characters = "".join(text.split())
    assert f'"{LONG}"' in characters.replace("new", "").replace("old", "")
    assert f'"{LONG}y"' in characters.replace("new", "").replace("old", "")


def test_differences_come_before_the_answers() -> None:
    lines = shown().splitlines()
    assert lines[0] == "GET /items/7?token=abc: differs"
    places = [lines.index(f"body /{name}") for name in ("name  value", "price  null")]
    answer = next(number for number, line in enumerate(lines) if "── old" in line)
    assert max(places) < answer
    assert any(line.startswith("2 differences in: status; Content-Type") for line in lines)
    assert any(line.startswith("Headers that count: all but") for line in lines)
    assert "ignore /none: 0 times" in lines


def test_equal_lines_of_long_bodies_are_folded() -> None:
    text = shown(200)
    assert "… 9" in text
    assert '"price": null' in text
    assert "    50," not in text
    assert shown_lines(10, [3], 30) == {*range(10)}
    assert shown_lines(100, [50], 30) == {48, 49, 50, 51, 52}
    assert shown_lines(100, [], 30) == {*range(30)}


def test_answers_stand_side_by_side_where_there_is_room() -> None:
    assert any("── old" in line and "── new" in line for line in shown(80).splitlines())
    assert not any("── old" in line and "── new" in line for line in shown(60).splitlines())


def test_colours_show_what_differs() -> None:
    found, stream = console(120, coloured=True)
    one = summary().only
    assert one is not None
    print_comparison(one, found)
    red = "\x1b[1;31m"
    assert f"{red}differs" in stream.getvalue()
    assert f'{red}  "price": null' in stream.getvalue()
    assert "\x1b[1;34m" in stream.getvalue()  # a name in JSON


def test_a_summary_has_findings_then_routes_then_the_result() -> None:
    text_of, stream = console(100)
    found = summary()
    found.skipped["requests of another kind"] = 3
    print_summary(found, text_of)
    lines = [line.rstrip() for line in stream.getvalue().splitlines()]
    first = lines.index("GET /items/{id}: body /name (value) — 1 request")
    routes = next(n for n, line in enumerate(lines) if line.startswith("route"))
    assert first < routes
    assert "  GET /items/7?token=abc" in lines
    assert "Left out: 3 requests of another kind" in lines
    assert lines[-1] == "1 request to old and new: 0 equal, 1 different, 0 without an answer"


def test_many_routes_are_not_all_listed() -> None:
    requests = [Request("GET", f"/{name}") for name in ("a", "b", "c")]
    found = summarise(answers("x"), answers("x"), *requests)
    text_of, stream = console(100)
    terminal.print_summary(found, text_of, routes=2)
    assert "1 more route, equal" in stream.getvalue()


def test_control_characters_do_not_reach_the_terminal() -> None:
    found, stream = console()
    hostile = answers('{"a":"\x1b[2J"}'.replace("\x1b", "\\u001b"), JSON, ("X-A", "\x1b[2J"))
    result = summarise(hostile, answers('{"a":1}', JSON), Request("GET", "/\x1b[2J"))
    assert result.only is not None
    print_comparison(result.only, found)
    print_summary(result, found)
    assert "\x1b" not in stream.getvalue()
