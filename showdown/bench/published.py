"""The published results, and the tables that the docs make of them.

``make bench-full`` writes the results, and ``make docs`` the tables: each stands between two
comments in the page.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from contract.settings import BASE_DIR
from showdown.bench import layers
from showdown.bench.results import load
from showdown.bench.samples import from_documents
from showdown.bench.tables import Grid, as_markdown, cell, grids_of

RESULTS = BASE_DIR / "showdown" / "results"
SUITES = ("frameworks", "scale", "writers", "workers")
ELSEWHERE = ("layers", "moves", "pages")  # suites whose tables stand on pages of their own
SECTION = re.compile(
    r"(<!-- result: (?P<name>[a-z]+) -->\n)(?P<text>.*?)(<!-- end of result -->\n)", re.DOTALL
)
MISSING = "There is no published result yet; `make bench-full` writes it.\n"

# MDA2AV/HttpArena on GitHub, site/data/results/{fastapi,flask}.json at the commits 01193b65cc44 and
# 4cfbd3687537: profile, requests a second, and cpu_per_req_us.
HTTP_ARENA = (
    ("FastAPI, `latency-10k`: a sum of two numbers, 10,000 requests/s", 9_982, 285.5),
    ("FastAPI, `latency-1m`: the same, a million requests/s offered", 301_330, 211.6),
    ("FastAPI, `8gbit`: 10 KB echoed over TLS, 50,000 requests/s", 49_117, 300.9),
    ("Flask, `millionaire`: as `latency-1m`", 109_754, 463.4),
)
# The cases that are nearest to these profiles.
OURS = {
    "fastapi-uvicorn": "here: FastAPI on uvicorn, `hello`",
    "fastapi-gateway": "here: FastAPI in the gateway, `hello`",
    "flask-gunicorn": "here: Flask on gunicorn gthread, `hello`",
    "flask-gateway": "here: Flask in the gateway, `hello`",
}


def rewritten(text: str) -> str:
    """Return a page with the tables of the published results."""
    return SECTION.sub(lambda found: found[1] + tables(found["name"]) + found[4], text)


def tables(name: str) -> str:
    """Return what stands in a section: the tables of a suite, or those next to HttpArena's."""
    file = RESULTS / f"{'frameworks' if name == 'arena' else name}.json"
    document = load(file) if file.exists() else None
    if name == "arena":
        return f"\n{as_markdown(beside_http_arena(document))}\n"
    if document is None:
        return MISSING
    found = layers.grids_of(document) if name == "layers" else grids_of(document)
    grids = "\n".join(map(as_markdown, found))
    return f"\n{conditions(document['manifest'])}\n\n{grids}\n"


def conditions(manifest: Mapping[str, Any]) -> str:
    """Return a sentence about how a result was measured."""
    machine, load, versions = manifest["machine"], manifest["load"], manifest["versions"]
    left_out = "".join(f" Left out: {name}: {why}." for name, why in manifest["left_out"].items())
    return (
        f"Measured on {manifest['created'][:10]} at commit {manifest['commit']}:"
        f" {machine['cores']} cores ({machine['processor']}), Python {versions['python']},"
        f" {manifest['database']}, {load['rounds'] * load.get('starts', 1)} rounds of"
        f" {load['seconds']} s.{left_out}"
    )


def beside_http_arena(document: Mapping[str, Any] | None) -> Grid:
    """Return HttpArena's figures for FastAPI, with those of a run of the frameworks."""
    rows = [[name, f"{rate:,}", f"{cpu:g}"] for name, rate, cpu in HTTP_ARENA]
    rows += own_rows(document) if document else []
    columns = ("profile", "requests/s", "`cpu_per_req_us`, or CPU µs per request")
    return Grid("CPU time of one request", columns, rows)


def own_rows(document: Mapping[str, Any]) -> Iterator[list[str]]:
    """Yield the rows of the cases that are nearest to HttpArena's profiles."""
    for case in document["cases"]:
        if case["workload"] == "hello" and case["target"] in OURS:
            samples = from_documents(case["samples"])
            yield [OURS[case["target"]], cell(samples, "rate"), cell(samples, "cpu")]


def results() -> list[Path]:
    """Return the files of the results that are published."""
    return [file for name in (*SUITES, *ELSEWHERE) if (file := RESULTS / f"{name}.json").exists()]
