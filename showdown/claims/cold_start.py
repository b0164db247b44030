"""Cold start: from the start of a process to its first answer, and the memory then."""

from statistics import median
from typing import Any

from showdown.claims.model import Claim, Findings, Laboratory
from showdown.claims.starts import (
    APPLICATIONS,
    FRAMEWORKS,
    PATHS,
    Start,
    server_of,
    start_function,
    start_server,
)
from showdown.claims.verdicts import Condition

SERVER, FUNCTION = "server", "function"
Measured = dict[tuple[str, str, str], list[Start]]


def experiment(laboratory: Laboratory) -> Findings:
    """Start each application in new processes, alternately."""
    starts = {SERVER: start_server, FUNCTION: start_function}
    url = laboratory.databases.url_for("cold-start")
    measured: Measured = {(way, *key): [] for way in starts for key in APPLICATIONS}
    # The first round only writes Python's bytecode files.
    for number in range(laboratory.rounds + 1):
        for way, subject, framework in measured:
            laboratory.notify(f"cold start: round {number}, {subject}, {framework}, {way}")
            found = starts[way](subject, framework, url)
            if number:
                measured[way, subject, framework].append(found)
    return Findings(judge(measured), table(measured))


def judge(measured: Measured) -> list[Condition]:
    """Divide the figures of Flask and Django by FastAPI's, round by round."""
    return [
        Condition(
            f"{subject}, {way}, {figure}: {framework} to FastAPI",
            [
                getattr(other, figure) / getattr(one, figure)
                for one, other in zip(
                    measured[way, subject, "FastAPI"],
                    measured[way, subject, framework],
                    strict=True,
                )
            ],
            1,
        )
        for way in (SERVER, FUNCTION)
        for subject in PATHS
        for figure in ("seconds", "memory")
        for framework in FRAMEWORKS[1:]
    ]


def table(measured: Measured) -> list[dict[str, Any]]:
    """Return the medians, as table rows."""
    return [
        {
            "what": subject,
            "framework": framework,
            "started as": way,
            "seconds to the first answer": round(median(one.seconds for one in starts), 2),
            "memory MiB": round(median(one.memory for one in starts), 1),
        }
        for (way, subject, framework), starts in measured.items()
    ]


COLD_START = Claim(
    "cold-start",
    "Modern cloud-native and serverless architectures pair well with FastAPI's lightweight async"
    " design.",
    "From the start of the process to its first answer, Flask and Django take at least as long as"
    " FastAPI, and then use at least as much memory: a greeting and the list of 20 users, each on"
    " its usual server and as a Lambda function (Mangum for ASGI, apig-wsgi for WSGI) that answers"
    " one event in a new process.",
    experiment=experiment,
    servers={
        f"cold-start, {framework}, {subject}": server_of(subject, framework)
        for subject, framework in APPLICATIONS
    },
)
