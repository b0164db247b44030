"""Automatic request validation: invalid users, sent to code with and without validation."""

import json
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from showdown.bench.servers import run
from showdown.bench.targets import SERVERS, UVICORN, Server
from showdown.claims.model import Claim, Findings, Laboratory
from showdown.claims.verdicts import Condition

MODULES = "showdown.claims.apps"
GOOD = {"id": 1, "name": "Carol", "email": "carol@example.com"}


def changed(**members: object) -> bytes:
    """Return a valid user with some members changed."""
    return json.dumps({**GOOD, **members}).encode()


def without(*members: str) -> bytes:
    """Return a valid user without some members."""
    return json.dumps({k: v for k, v in GOOD.items() if k not in members}).encode()


BAD = {
    "broken JSON": [b"{", b"{'name': 'Carol'}", b'{"name": "Carol",}', b'{"name": "\xff"}'],
    "no object": [b"[]", b'"Carol"', b"1", b"null"],
    "missing members": [without("name"), without("email"), b"{}"],
    "wrong types": [changed(name=7), changed(name=None), changed(email=["a"]), changed(name={})],
    "names that are none": [changed(name=""), changed(name="n" * 101), changed(name="a\x00b")],
    "addresses that are none": [
        *(changed(email=email) for email in ("", "carol", "carol@", "Carol <carol@example.com>"))
    ],
}


@dataclass(frozen=True)
class Subject:
    """An application that receives users."""

    title: str
    server: Server
    prefix: str = ""


ARTICLE = Subject("FastAPI, the article's code", Server(f"{UVICORN} {MODULES}.article_fastapi:app"))
SUBJECTS = [
    ARTICLE,
    Subject(
        "Flask, the article's code and get_json()",
        # The article's Flask code runs on FastAPI's server: speed is not measured here.
        Server(f"{UVICORN} --interface wsgi {MODULES}.article_flask:app"),
    ),
    *(
        Subject(f"{name} in this project", SERVERS["gateway"], f"/{name.lower()}")
        for name in ("Flask", "FastAPI", "Django")
    ),
]


def experiment(laboratory: Laboratory) -> Findings:
    """Send every invalid user to every subject, and count the 4xx responses."""
    shares: dict[str, dict[str, float]] = {}
    figures: list[dict[str, Any]] = []
    with ExitStack() as stack:
        ports: dict[str, int] = {}
        for subject in SUBJECTS:
            command = subject.server.command
            if command not in ports:
                url = laboratory.databases.url_for(f"validation-{len(ports)}")
                server = run(subject.server, url, laboratory.directory)
                ports[command] = stack.enter_context(server).port
            laboratory.notify(f"validation: {subject.title}")
            shares[subject.title] = try_subject(subject, ports[command])
            figures.append({"subject": subject.title, **shares[subject.title]})
    conditions = [
        Condition(f"{category}: refused by {ARTICLE.title}", [share], 1, "of 1", exact=True)
        for category, share in shares[ARTICLE.title].items()
    ]
    return Findings(conditions, figures)


def try_subject(subject: Subject, port: int) -> dict[str, float]:
    """Return the share of invalid users that is refused, by category."""
    return {
        category: sum(is_refused(subject, port, body) for body in bodies) / len(bodies)
        for category, bodies in BAD.items()
    }


def is_refused(subject: Subject, port: int, body: bytes) -> bool:
    """Send one user; a server error (5xx) does not count as a refusal."""
    request = Request(
        f"http://127.0.0.1:{port}{subject.prefix}/api/users",
        data=body,
        headers={"Content-Type": "application/json"},
    )
    try:
        # One of the servers that this program has started, on loopback.
        urlopen(request, timeout=20).close()  # nosec B310
    except HTTPError as error:
        error.close()
        return 400 <= error.code < 500
    return False


VALIDATION = Claim(
    "validation",
    "Automatic request validation using Pydantic eliminates manual parsing code.",
    "The article's FastAPI code, which validates nothing by hand, refuses every bad user of each"
    " kind with a 4xx.",
    experiment=experiment,
    servers={f"validation, {subject.title}": subject.server for subject in SUBJECTS},
)
