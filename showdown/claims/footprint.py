"""Minimal footprint: time to import, memory, packages and lines."""

import json
import re
import subprocess
import sys
from importlib import metadata
from statistics import median
from typing import Any

from contract.settings import BASE_DIR
from showdown.bench.servers import environment
from showdown.bench.targets import Server
from showdown.claims.model import Claim, Findings, Laboratory
from showdown.claims.verdicts import Condition

FRAMEWORKS = ("Flask", "FastAPI", "Django")
# The users API, without the features that only one of the frameworks has. Django's settings and
# models also serve its other features.
COMMON = ("__init__", "bodies", "converters", "errors", "probes")
MODULES = {
    "Flask": (*COMMON, "db", "me", "users"),
    "FastAPI": (*COMMON, "db", "dependencies", "main", "me", "middleware", "users"),
    "Django": (
        *(*COMMON[:-1], "apps", "managers", "middleware", "models", "project", "settings"),
        *("transactions", "urls", "views", "wsgi"),
    ),
}
SUBJECTS = {
    "a greeting": {
        "Flask": "import showdown.claims.apps.hello_flask",
        "FastAPI": "import showdown.claims.apps.hello_fastapi",
        "Django": "import showdown.claims.apps.hello_django",
    },
    "the users API": {
        "Flask": "import flask_app; flask_app.create_app()",
        "FastAPI": "import fastapi_app.main",
        "Django": "import django_app.wsgi",
    },
}
# VmHWM, not getrusage(), which includes the parent's peak memory before exec.
CHILD = """
import json, re, time
start = time.perf_counter()
{statement}
seconds = time.perf_counter() - start
memory = int(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1])
print(json.dumps({{"import seconds": seconds, "memory MiB": memory / 1024}}))
"""
Figures = dict[str, float]
Measured = dict[tuple[str, str], list[Figures]]


def experiment(laboratory: Laboratory) -> Findings:
    """Import each application in new processes, alternately; count packages and lines."""
    measured = import_by_turns(laboratory)
    counts = {
        "packages": {name: float(len(packages(name.lower(), set()))) for name in FRAMEWORKS},
        "lines of the users API": {name: float(lines(name)) for name in FRAMEWORKS},
    }
    conditions = [
        *(
            timed(subject, framework, figure, measured)
            for subject in SUBJECTS
            for figure in ("import seconds", "memory MiB")
            for framework in FRAMEWORKS[1:]
        ),
        *(
            Condition(f"{what}: {name} to Flask", [by[name] / by["Flask"]], 1, exact=True)
            for what, by in counts.items()
            for name in FRAMEWORKS[1:]
        ),
    ]
    return Findings(conditions, table(measured, counts))


def import_by_turns(laboratory: Laboratory) -> Measured:
    """Return the figures of each round, by imported application and framework."""
    measured: Measured = {
        (subject, framework): [] for subject in SUBJECTS for framework in FRAMEWORKS
    }
    # The first round only writes Python's bytecode files.
    for number in range(laboratory.rounds + 1):
        laboratory.notify(f"footprint: round {number}")
        for subject, framework in measured:
            figures = import_fresh(SUBJECTS[subject][framework], laboratory)
            if number:
                measured[subject, framework].append(figures)
    return measured


def timed(subject: str, framework: str, figure: str, measured: Measured) -> Condition:
    """Divide a framework's figures by Flask's, round by round."""
    pairs = zip(measured[subject, framework], measured[subject, "Flask"], strict=True)
    values = [one[figure] / other[figure] for one, other in pairs]
    return Condition(f"{subject}, {figure}: {framework} to Flask", values, 1)


def table(measured: Measured, counts: dict[str, dict[str, float]]) -> list[dict[str, Any]]:
    """Return the medians, as table rows."""
    rows = [
        {"what": f"{subject}, {figure}"}
        | {name: median(one[figure] for one in measured[subject, name]) for name in FRAMEWORKS}
        for subject in SUBJECTS
        for figure in ("import seconds", "memory MiB")
    ]
    return [*rows, *({"what": what} | by for what, by in counts.items())]


def import_fresh(statement: str, laboratory: Laboratory) -> Figures:
    """Run a statement in a new process and return its import time and memory."""
    url = laboratory.databases.url_for("footprint")
    run = subprocess.run(
        [sys.executable, "-c", CHILD.format(statement=statement)],
        cwd=BASE_DIR,
        env=environment(Server(""), url),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    figures: Figures = json.loads(run.stdout)
    return figures


def packages(name: str, seen: set[str]) -> set[str]:
    """Return a package with everything that it requires, without extras and other platforms."""
    name = re.sub(r"[-_.]+", "-", name).lower()
    if name in seen:
        return seen
    try:
        needs = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return seen  # a marker excludes it on this Python
    seen.add(name)
    for need in needs:
        if not re.search(r"extra\s*==|sys_platform|platform_", need):
            packages(re.split(r"[^\w.-]", need, maxsplit=1)[0], seen)
    return seen


def lines(framework: str) -> int:
    """Count the lines of code of a framework's users API, without other features."""
    folder = BASE_DIR / f"{framework.lower()}_app"
    texts = ((folder / f"{name}.py").read_text() for name in MODULES[framework])
    code = (line.strip() for text in texts for line in text.splitlines())
    return sum(1 for line in code if line and not line.startswith("#"))


FOOTPRINT = Claim(
    "footprint",
    "Flask offers a minimal footprint that makes it easy to learn for beginners.",
    "No other framework is smaller than Flask: time to import, peak memory after the import"
    " (a greeting, the users API), installed packages, and lines of code of the same users API.",
    experiment=experiment,
)
