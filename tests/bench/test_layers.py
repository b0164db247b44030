"""The layers suite: what it measures, its tables, and its aims."""

from pathlib import Path
from typing import Any

import pytest

from showdown.bench.layers import (
    AIMS,
    NOTHING,
    SOCKET_CASES,
    SOCKET_SERVERS,
    aim_rows,
    grids_of,
    layer_rows,
    measure_in_process,
)
from showdown.bench.rules import Rule
from showdown.bench.servers import environment, run
from showdown.bench.targets import Server
from tests.wsgi.server import wait_until

RESULT: dict[str, Any] = {
    "process": {
        "FastAPI with a root path": [100.0, 110.0],
        "+ hosts": [103.0, 115.0],
        "FastAPI behind Starlette's Mount": [110.0, 110.0],
        "FastAPI in the gateway": [121.0, 132.0],
    },
    "socket": {"FastAPI alone on uvicorn": [1000.0], "FastAPI on gateway serve": [900.0]},
}


@pytest.mark.slow
@pytest.mark.thorough
def test_every_aim_has_its_cases(tmp_path: Path) -> None:
    variables = environment(Server(""), f"sqlite:///{tmp_path}/db.sqlite3")
    figures = measure_in_process(1, 0.01, variables, lambda _name: None)
    assert NOTHING not in figures
    assert all(value > 0 for values in figures.values() for value in values)
    names = {*figures, *(case.target.name for case in SOCKET_CASES)}
    assert {name for aim in AIMS for name in (aim.case, aim.other)} <= names


def test_a_layer_shows_what_it_adds_to_the_row_before() -> None:
    rows = layer_rows({"one": [100.0, 110.0], "+ two": [103.0, 115.0], "three": [1.0, 1.0]})
    assert [row[2] for row in rows] == ["", "+4.0 (+3.0 to +5.0)", ""]


@pytest.mark.parametrize(
    ("aim", "verdict"),
    [
        (Rule("cpu", "one", "other", at_most=1.5), "reached"),
        (Rule("cpu", "one", "other", at_most=1.4), "missed"),
        (Rule("cpu", "one", "other", at_least=1.5), "reached"),
        (Rule("cpu", "one", "other", at_least=1.6), "missed"),
    ],
)
def test_an_aim_is_compared_with_the_median_of_the_rounds(aim: Rule, verdict: str) -> None:
    assert aim.verdict([1.0, 1.5, 9.0]) == verdict


def test_aims_without_figures_are_left_out() -> None:
    without_sockets = {**RESULT, "socket": {}}
    assert [grid.title for grid in grids_of(without_sockets)] == [
        "Layers, medians (smallest-largest)",
        "Ratios",
    ]
    figures = {**RESULT["process"], **RESULT["socket"]}
    assert [(row[0], row[2], row[4]) for row in aim_rows(figures)] == [
        ("FastAPI in the gateway", "1.15 (1.10-1.20)", "missed"),
        ("FastAPI on gateway serve", "0.90 (0.90-0.90)", "reached"),
    ]


def test_the_served_gateway_writes_an_access_line(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/db.sqlite3"
    with run(SOCKET_SERVERS["served"], url, tmp_path) as server:
        # The request that waited until the server was ready; the log is text or JSON.
        wait_until(lambda: " GET / " in server.log() or '"path":"/"' in server.log())
