"""Sends the requests of the corpus and checks the responses."""

import re
from collections.abc import Iterator, Sequence
from http.client import HTTPException
from itertools import count, pairwise
from typing import NamedTuple

from tests.attack.cases import LAST, REFUSED, SERVED, Case
from tests.attack.client import HELLO, answers_in
from tests.attack.corpus import CORPUS
from tests.attack.delivery import Delivery
from tests.attack.echo import describe
from tests.wsgi.clients import Answer

ECHOES = ("wsgi", "asgi")  # the applications in echo.py, and their mounts
MARK = b"GET /asgi/mark?NUMBER HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
TOO_LONG = 5000  # bytes; longer requests are not sent byte by byte

numbers = count(100_000)  # all have six digits


class Attack(NamedTuple):
    """Requests on one connection, followed by a marked request.

    Attributes:
        number: replaces NUMBER in them.
        how: where they are cut into pieces.
        delivery: of the pieces.
    """

    cases: tuple[Case, ...]
    mount: str
    number: str
    how: str
    delivery: Delivery

    def __str__(self) -> str:
        data = " + ".join(ascii(case.data[:400])[2:-1] for case in self.cases)
        return f"/{self.mount}, {self.how}: {data}"


def write_attacks(mount: str, at_each_line: bool = False) -> list[Attack]:
    """Build the corpus for a mount, each with a marked request behind it, cut in every way."""
    attacks = []
    for cases in CORPUS:
        data = b"".join(case.data.replace(b"TARGET", page(mount, case), 1) for case in cases)
        for how, cuts in ways(data, at_each_line):
            number = str(next(numbers))
            text = (data + MARK).replace(b"NUMBER", number.encode())
            attacks.append(Attack(cases, mount, number, how, Delivery(split(text, cuts))))
    return attacks


def page(mount: str, case: Case) -> bytes:
    """Return the target of a request in a mount: an endpoint that reads the body, if it has one."""
    if mount in ECHOES:
        return f"/{mount}/echo?NUMBER".encode()
    return f"/{mount}/api/{'users' if case.method == 'POST' else 'hello'}?NUMBER".encode()


def ways(data: bytes, at_each_line: bool) -> Iterator[tuple[str, list[int]]]:
    """Return the ways to cut requests into pieces: a name, and the offsets, including the end.

    Args:
        data: the requests.
        at_each_line: also cut once at the end of each line; within the first head, one line stands
            for all, because these cuts are equivalent.
    """
    lines = [place.end() for place in re.finditer(b"\n", data)]
    if lines[-1] < len(data):
        lines.append(len(data))
    head = re.search(b"\n\r*\n", data)
    last = lines.index(head.end()) if head else 0
    yield "whole", []
    yield "line by line", lines
    if len(data) < TOO_LONG:
        yield "byte by byte", [*range(1, len(data) + 1)]
    for place in {lines[0], *lines[last - 1 :]} if at_each_line else {lines[last], len(data)}:
        yield f"cut at {place} of {len(data)}", [place]


def split(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    """Cut bytes into pieces."""
    return [data[start:end] for start, end in pairwise([0, *cuts, len(data)])]


def judge(attack: Attack, executed: Sequence[str], is_behind_nginx: bool) -> str:
    """Return what is wrong with the responses, or "" if nothing is.

    Args:
        attack: already delivered.
        executed: the numbers of hidden requests that were executed.
        is_behind_nginx: whether nginx forwarded the requests; it may refuse or repair them.
    """
    data = bytes(attack.delivery.received)
    if attack.number in executed:
        return f"a request inside a body was executed: {data!r}"
    if not attack.delivery.has_ended:
        return f"the connection did not end after {data!r}"
    expecting = sum(case.is_expecting for case in attack.cases)
    if (continued := data.count(b"HTTP/1.1 100 ")) > expecting:
        return f"100 Continue {continued} times, expected at most {expecting}"
    try:
        answers = answers_in(data, [case.method for case in attack.cases])
    except HTTPException as error:
        return f"{error!r} in {data!r}"
    fault = (judge_behind_nginx if is_behind_nginx else judge_answers)(attack, answers)
    return f"{[answer.status for answer in answers]}: {fault}" if fault else ""


def judge_answers(attack: Attack, answers: list[Answer]) -> str:
    """Return what is wrong with the responses of a direct connection to the gateway."""
    for case, behind in pairwise([*attack.cases, None]):
        assert case is not None
        if not answers:
            return "a response is missing"
        answer, *answers = answers
        fault = find_fault(attack, case, answer)
        # During a response, the server refuses what follows just by ending the connection.
        is_cut_off = not answers and behind is not None and REFUSED in behind.fate
        fate = REFUSED if fault else SERVED if answers or is_cut_off else LAST
        if fate not in case.fate or (fault and answer.status not in case.statuses):
            return fault or str(fate)
        if fate is not SERVED or is_cut_off:
            return "a response to a request after the end" if answers else ""
    return find_other_mark(attack, answers)


def judge_behind_nginx(attack: Attack, answers: list[Answer]) -> str:
    """Return what is wrong with responses that came through nginx."""
    may_end = False
    for case in attack.cases:
        if not answers:
            return "" if may_end else "a response is missing"
        answer, *answers = answers
        fault = find_fault(attack, case, answer)
        is_of_nginx = answer.status < 502 and answer.header("Content-Type") == "text/html"
        if fault and not is_of_nginx and REFUSED not in case.fate:
            return fault
        # nginx also ends a connection if the response came before the whole request body.
        is_early = attack.mount not in ECHOES and case.method != "POST"
        may_end = may_end or is_of_nginx or is_early or case.fate != SERVED
    return "" if may_end and not answers else find_other_mark(attack, answers)


def find_other_mark(attack: Attack, answers: list[Answer]) -> str:
    """Return what is wrong unless the one response is the marked request's; "" if it is."""
    seen = [answer.header("Received") for answer in answers]
    return (
        ""
        if seen == [describe("GET", "mark", attack.number, b"")]
        else f"the last responses are {seen}"
    )


def find_fault(attack: Attack, case: Case, answer: Answer) -> str:
    """Return why a response is not the application's, to the whole request; "" if it is."""
    if case.is_http10 and answer.header("Transfer-Encoding"):
        return "a chunked response to HTTP/1.0"
    if attack.mount in ECHOES:
        body = case.body.replace(b"NUMBER", attack.number.encode())
        seen, right = answer.header("Received"), describe(case.method, "echo", attack.number, body)
        return "" if seen == right else f"received {seen}, not {right}"
    if answer.header("X-Request-ID") != attack.number:
        return "not the application's response"
    if case.method == "POST" and (b"body is empty" in answer.body) == bool(case.body):
        return "the response has another body"
    if case.method == "GET" and answer.body != HELLO:
        return "no greeting"
    statuses = {"GET": 200, "HEAD": 200, "OPTIONS": 204, "POST": 422 if case.body == b"{}" else 400}
    right_status = statuses.get(case.method, 405)
    return "" if answer.status == right_status else f"not {right_status}"
