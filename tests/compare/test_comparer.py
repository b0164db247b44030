"""Targets of every kind: in this process and at a URL, working and failing."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from starlette.applications import Starlette

from framework_gateway.compare.comparer import Comparer, compare_rounds, comparing
from framework_gateway.compare.contents import Content
from framework_gateway.compare.findings import Verdict
from framework_gateway.compare.messages import Answer, Failure, Request
from framework_gateway.compare.rules import Rules
from framework_gateway.compare.targets import Application, Server, TargetError, open_targets
from tests.compare import applications
from tests.databases import free_port
from tests.servers import ROOT, serve

APPLICATIONS = {"old": applications.legacy, "new": applications.main}
NAMES = {"old": "tests.compare.applications:legacy", "new": "tests.compare.applications:main"}


@pytest.mark.parametrize("targets", [APPLICATIONS, NAMES], ids=["objects", "import strings"])
def test_a_wsgi_and_an_asgi_application_can_be_compared(targets: dict[str, Any]) -> None:
    with comparing(targets) as compare:
        for path in ("/users", "/nothing"):
            comparison = compare("GET", path)
            assert comparison.identical, str(comparison)
            assert [answer.target for answer in comparison.answers] == ["old", "new"]


def test_a_difference_is_found_and_described() -> None:
    with comparing({"old": applications.main, "new": applications.changed}) as compare:
        comparison = compare("GET", "/users")
    assert not comparison.identical
    assert str(comparison) == 'GET /users: differs\n  body /1/name: old "Bob", new "Rob"'
    assert comparison.as_dict()["differences"] == [
        {
            "part": "body",
            "name": "/1/name",
            "kind": "value",
            "values": {"old": '"Bob"', "new": '"Rob"'},
            "counts": True,
        }
    ]


@pytest.fixture
def server() -> Iterator[str]:
    """This project's gateway on a socket."""
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    with serve(
        *("uvicorn", "--port", port, "tests.compare.applications:main"),
        origin=origin,
        path="/users",
    ):
        yield origin


def test_a_running_server_can_be_a_target(server: str) -> None:
    with comparing({"local": applications.main, "remote": server}) as compare:
        for path in ("/users", "/nothing", "/echo?x=%2F..%2F&y=é"):
            comparison = compare("GET", path)
            assert comparison.identical, str(comparison)
        posted = compare("POST", "/echo", body="{framework}!")
        assert [answer.body for answer in posted.answers] == [
            b"POST /echo local!",
            b"POST /echo remote!",
        ]
        assert posted.identical
        head = compare("HEAD", "/users")
        assert head.identical, head
        long = compare("GET", "/long")
        assert long.identical
    with comparing({"local": applications.main, "remote": server}, max_size=1000) as compare:
        answers = compare("GET", "/long").answers
        assert {answer.error for answer in answers} == {"the answer is longer than 1000 bytes"}


def test_an_unreachable_server_is_an_error_of_its_target() -> None:
    targets = {"here": applications.main, "gone": f"http://127.0.0.1:{free_port()}"}
    with comparing(targets) as compare:
        comparison = compare("GET", "/users")
    assert comparison.failed
    assert not comparison.identical
    assert "ConnectError" in str(comparison.answers[1].error)
    assert comparison.answers[1].status == 0
    assert comparison.answers[1].failure is Failure.UNREACHABLE


def test_a_target_that_times_out_has_an_error() -> None:
    with comparing({"a": applications.main, "b": applications.main}, timeout=0.2) as compare:
        comparison = compare("GET", "/slow")
    assert {answer.error for answer in comparison.answers} == {"no answer within 0.2 s"}
    assert {answer.failure for answer in comparison.answers} == {Failure.TIMEOUT}
    assert comparison.verdict is Verdict.FAILED


def test_a_response_with_status_500_is_compared(caplog: pytest.LogCaptureFixture) -> None:
    with comparing({"a": applications.main, "b": applications.main}) as compare:
        comparison = compare("GET", "/fail")
    assert [answer.status for answer in comparison.answers] == [500, 500]
    assert comparison.identical
    assert "out of order" in caplog.text


async def bare(scope: Any, receive: Any, send: Any) -> None:
    raise RuntimeError("no answer from me")


async def half(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"x", "more_body": True})


@pytest.mark.parametrize(
    ("application", "reason"),
    [
        (bare, "RuntimeError: no answer from me"),
        (half, "the application returned without a complete answer"),
    ],
)
def test_an_application_without_a_response_has_an_error(application: Any, reason: str) -> None:
    comparer = Comparer([Application("bad", application), Application("good", applications.main)])
    comparison = asyncio.run(comparer.compare(Request("GET", "/users")))
    assert comparison.answers[0].error == reason
    assert comparison.failed


def test_targets_that_cannot_start_are_reported() -> None:
    @asynccontextmanager
    async def failing(_app: Starlette) -> AsyncIterator[None]:
        raise RuntimeError("no database")
        yield

    for target, reason in (
        ("no_such_module:app", "The target new could not be loaded: there is no"),
        (Starlette(lifespan=failing), "The target new could not be started"),
    ):
        with pytest.raises(TargetError, match=reason), comparing({"new": target}):
            pass


def test_lifespans_run() -> None:
    seen = []

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        seen.append("up")
        yield
        seen.append("down")

    with comparing({"a": Starlette(lifespan=lifespan), "b": Starlette()}) as compare:
        assert seen == ["up"]
        assert compare("GET", "/").identical
    assert seen == ["up", "down"]


@pytest.mark.parametrize("in_turn", [False, True])
def test_targets_are_asked_at_once_or_in_turn(in_turn: bool) -> None:
    log: list[str] = []

    async def application(name: str, scope: Any, receive: Any, send: Any) -> None:
        log.append(f"{name} begins")
        await asyncio.sleep(0)
        log.append(f"{name} ends")
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    comparer = Comparer([Application(name, partial(application, name)) for name in "ab"])
    comparison = asyncio.run(comparer.compare(Request("GET", "/"), in_turn=in_turn))
    assert comparison.identical
    # Which target comes first is random.
    assert (log[0][0] == log[1][0]) == in_turn


def test_a_hook_runs_before_each_target() -> None:
    calls: list[int] = []
    with comparing(APPLICATIONS) as compare:
        compare("GET", "/users", before_each=lambda: calls.append(len(calls)))
    assert calls == [0, 1]


def test_the_bridge_reports_queue_and_run_times() -> None:
    with comparing(APPLICATIONS) as compare:
        old, new = compare("GET", "/users").answers
    assert old.waiting is not None
    assert old.running is not None
    assert 0 < old.waiting + old.running <= old.seconds
    assert new.waiting is new.running is None


def test_a_request_is_sent_unchanged() -> None:
    with comparing({"a": applications.main, "b": applications.main}) as compare:
        answers = compare("PUT", "/echo?x={framework}&y=%2f", json={"é": "{framework}"}).answers
    assert answers[0].body.decode() == 'PUT /echo {"é":"a"}'
    assert "curl --include --request PUT --header 'Content-Type: application/json'" in (
        answers[0].curl
    )


def test_open_targets_distinguishes_servers_from_applications() -> None:
    async def kinds() -> list[type]:
        targets = {"old": applications.legacy, "new": "http://127.0.0.1:1/base/"}
        async with open_targets(targets) as opened:
            assert opened[1].url == "http://127.0.0.1:1/base"
            return [type(target) for target in opened]

    assert asyncio.run(kinds()) == [Application, Server]


def test_each_failure_has_a_kind_and_is_counted() -> None:
    targets = {"whole": applications.main, "bare": bare, "half": half}
    with comparing(targets, timeout=5) as compare:
        comparison = compare("GET", "/users")
    kinds = {answer.target: answer.failure for answer in comparison.answers}
    assert kinds == {
        "whole": None,
        "bare": Failure.EXCEPTION,
        "half": Failure.INCOMPLETE,
    }
    assert comparison.verdict is Verdict.FAILED
    assert comparison.as_dict()["answers"][2]["failure"] == "incomplete"
    assert comparison.summary == "No result, because of bare, half."


class Unreadable(Answer):
    """An answer whose body cannot be read."""

    @property
    def content(self) -> Content:
        raise RuntimeError("unreadable")


def test_a_failure_of_the_comparing_is_a_result() -> None:
    request = Request("GET", "/")
    answers = [
        Unreadable(name, "http://localhost", request, 0.1, 200, body=name.encode()) for name in "ab"
    ]
    comparison = compare_rounds(request, [answers], Rules(), {})
    assert comparison.verdict is Verdict.FAILED
    assert comparison.error == "RuntimeError: unreadable"
    assert str(comparison) == "GET /: failed\n  the comparing failed: RuntimeError: unreadable"
    assert "the comparing itself" in comparison.summary


def test_how_a_server_frames_a_body_is_a_note() -> None:
    application = "tests.compare.applications:unsized"
    targets = {"here": applications.unsized, "there": f"{ROOT}/ {application}"}
    with comparing(targets) as compare:
        comparison = compare("GET", "/")
    assert comparison.identical, str(comparison)
    assert [answer.is_served for answer in comparison.answers] == [False, True]


def test_a_length_that_one_server_leaves_out_is_a_note() -> None:
    request = Request("GET", "/")
    here = Answer("here", "http://a", request, 0.1, 200, [("Content-Length", "1")], b"x")
    there = replace(here, target="there", headers=(), is_served=True)
    for answers, identical in (
        ([here, there], True),
        ([here, replace(there, is_served=False)], False),
        ([replace(here, headers=[("Content-Length", "2")]), there], False),
    ):
        comparison = compare_rounds(request, [answers], Rules(), {})
        assert comparison.identical == identical
        assert [found.place for found in comparison.differences] == ["header Content-Length"]
