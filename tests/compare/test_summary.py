"""Many comparisons, counted in constant memory."""

import json
from dataclasses import replace

from framework_gateway.compare.examples import LARGEST_BODY, LONGEST_VALUE, MAX_DIFFERENCES
from framework_gateway.compare.findings import Comparison, Difference, Kind, Use
from framework_gateway.compare.messages import Answer, Failure, Request
from framework_gateway.compare.reports.shown import remarks, verdict
from framework_gateway.compare.summary import MAX_GROUPS, MAX_ROUTES, OTHERS, Summary

STATUS = Difference("status", "", Kind.STATUS, {"a": "200", "b": "404"})


def comparison(
    path: str, *differences: Difference, failed: bool = False, body: bytes = b"", **fields: object
) -> Comparison:
    request = Request("GET", path).with_defaults()
    bad = {"error": "gone", "failure": Failure.UNREACHABLE} if failed else {"status": 200}
    answers = [
        Answer("a", "http://a", request, 0.001, 200, body=body),
        Answer("b", "http://b", request, 0.003, **bad),
    ]
    return Comparison(request, answers, differences, **fields)  # type: ignore[arg-type]


def summary_of(*comparisons: Comparison) -> Summary:
    summary = Summary(["a", "b"])
    for one in comparisons:
        summary.add(one)
    return summary


def test_each_route_is_counted() -> None:
    undecided = Difference("body", "/x", Kind.VALUE, {}, counts=False, undecided=True)
    summary = summary_of(
        comparison("/users/1"),
        comparison("/users/2", STATUS),
        comparison("/users", failed=True),
        comparison("/users", undecided),
    )
    found = {name: route.as_dict() for name, route in summary.routes.items()}
    names = ("matched", "differing", "insufficient", "failed")
    assert [found["GET /users/{id}"][name] for name in names] == [1, 1, 0, 0]
    assert [found["GET /users"][name] for name in names] == [0, 0, 1, 1]
    assert summary.counts == {"matched": 1, "differing": 1, "insufficient": 1, "failed": 1}


def test_the_exit_status_says_the_worst() -> None:
    equal, differs = comparison("/"), comparison("/", STATUS)
    undecided = Difference("body", "", Kind.VALUE, {}, counts=False, undecided=True)
    assert summary_of(equal).exit_status == 0
    assert summary_of(equal, differs).exit_status == 1
    assert summary_of(equal, comparison("/", undecided)).exit_status == 1
    assert summary_of(equal, comparison("/", failed=True)).exit_status == 3
    assert summary_of(differs, comparison("/", failed=True)).exit_status == 1
    interrupted = summary_of(equal)
    interrupted.interrupted = True
    assert interrupted.exit_status == 130
    assert not interrupted.identical
    assert not summary_of().identical
    assert summary_of().exit_status == 2


def test_statuses_are_counted() -> None:
    refused = Answer("a", "http://a", Request("GET", "/"), 0.1, 401)
    both = Comparison(refused.request, [refused, replace(refused, target="b")])
    other = Comparison(refused.request, [refused, replace(refused, target="b", status=200)])
    summary = summary_of(both, both, other, comparison("/", failed=True))
    assert summary.statuses == {"401": 2, "401 against 200": 1, "200 against none": 1}
    assert summary.as_dict()["statuses"]["401"] == 2
    assert "Statuses: 401 (2), 401 against 200 (1)" in "\n".join(remarks(summary))


def test_latencies_and_their_difference_are_measured() -> None:
    route = summary_of(*[comparison("/")] * 20).routes["GET /"].as_dict()
    assert round(route["latencies"]["a"]["p50"], 3) == 0.001
    assert round(route["latencies"]["b"]["p95"], 3) == 0.003
    gap = route["longer_than_first"]["b"]
    assert gap["of"] == 20
    low, high = gap["interval"]
    assert low <= 0.002 <= high


def test_the_smallest_request_is_the_example() -> None:
    summary = summary_of(
        comparison("/?a=1&b=2", STATUS), comparison("/?a=1", STATUS), comparison("/?c=12", STATUS)
    )
    (finding,) = summary.findings.values()
    assert finding.count == 3
    assert finding.example.request == Request("GET", "/?a=1")


def test_an_example_is_bounded() -> None:
    long = Difference("body", "/x", Kind.VALUE, {"a": "x" * 100_000, "b": "y"})
    many = [Difference("body", f"/{n}", Kind.VALUE, {"a": "1", "b": "2"}) for n in range(1000)]
    summary = summary_of(comparison("/", long, *many, body=b"z" * 100_000))
    finding = next(iter(summary.findings.values()))
    assert len(finding.example.differences) == MAX_DIFFERENCES
    assert len(finding.example.differences[0].values["a"]) < LONGEST_VALUE + 50
    assert finding.example.differences[0].values["a"].endswith("more characters)")
    assert len(finding.example.answers[0].body) < LARGEST_BODY + 50
    assert finding.example.answers[0].body.endswith(b"more bytes)")


def test_routes_and_groups_are_bounded() -> None:
    summary = Summary(["a", "b"])
    for number in range(MAX_ROUTES + 10):
        name = Difference("body", f"/m{number}", Kind.VALUE, {"a": "1", "b": "2"})
        summary.add(comparison(f"/page-{number}", name))
    assert len(summary.routes) == MAX_ROUTES + 1
    assert summary.routes[OTHERS].differing == 10
    assert len(summary.findings) == MAX_GROUPS
    assert summary.ungrouped == MAX_ROUTES + 10 - MAX_GROUPS


def test_rules_and_notes_are_counted() -> None:
    note = Difference("header", "Date", Kind.HEADER, {}, counts=False, reason="not compared")
    use = Use("ignore /id", 2, "new ids")
    summary = summary_of(*[comparison("/", note, uses=[use])] * 3)
    document = json.loads(json.dumps(summary.as_dict()))
    assert document["rules"] == [{"rule": "ignore /id", "uses": 6, "reason": "new ids"}]
    assert document["notes"] == [{"place": "header Date", "reason": "not compared", "count": 3}]
    assert document["identical"] is True
    assert summary.only is None


def test_a_run_that_was_stopped_is_said_to_be() -> None:
    summary = summary_of(comparison("/"))
    summary.is_late = True
    assert verdict(summary).endswith("0 without an answer (stopped at the time limit)")
    assert verdict(summary_of()) == "No request was compared"
