"""`python -m showdown bench` from end to end: what it does, not how fast anything is."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from showdown.__main__ import main
from showdown.bench import results, targets
from showdown.bench.load import INSTALL
from showdown.bench.targets import SERVERS, TARGETS, Server, Target

BAD_APP = """
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    app.asked += 1
    # The first requests are those of the start and of the check before the load.
    status = 200 if app.asked < 10 else 503
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b"closed for the day"})

app.asked = 0
"""


def bench(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["bench", *map(str, arguments)])


@pytest.fixture
def closing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A target that first succeeds and then fails."""
    (tmp_path / "bad.py").write_text(BAD_APP)
    command = f"{targets.UVICORN} --lifespan off --app-dir {tmp_path} bad:app"
    monkeypatch.setitem(SERVERS, "closing", Server(command))
    monkeypatch.setitem(TARGETS, "flask-granian", Target("closing", "The closing one", "closing"))
    return "flask-granian"


@pytest.mark.slow
@pytest.mark.usefixtures("wrk")
def test_a_quick_run_from_end_to_end(tmp_path: Path) -> None:
    file, chart = tmp_path / "run.json", tmp_path / "run.svg"
    result = bench(
        *("--quick", "--rounds", 1, "--connections", 4, "--report", file, "--chart", chart),
        *("--target", "flask-gateway", "--target", "fastapi-gateway"),
        *("--workload", "users", "--workload", "search", "--workload", "create"),
    )
    assert result.exit_code == 0, result.output
    assert "FastAPI in the gateway" in result.output
    document = json.loads(file.read_text())
    assert [(case["target"], case["workload"]) for case in document["cases"]] == [
        (target, workload)
        for workload in ("users", "search", "create")
        for target in ("flask-gateway", "fastapi-gateway")
    ]
    for case in document["cases"]:
        (sample,) = case["samples"]
        assert sample["failed"] == 0
        assert all(sample[name] > 0 for name in ("rate", "cpu", "p50", "p95", "p99", "memory"))
    check_manifest(document["manifest"])
    ElementTree.parse(chart)
    compared = bench("--compare", file, file)
    assert compared.exit_code == 0
    assert compared.output.count("no difference beyond the spread") == 3 * 6


def check_manifest(manifest: dict[str, object]) -> None:
    """Check that a manifest contains everything that a figure depends on."""
    assert {"created", "commit", "machine", "versions", "database", "servers", "load"} <= {
        *manifest
    }
    assert manifest["servers"] == {
        "gateway": {
            "command": "uvicorn --log-level warning --no-access-log --port PORT gateway:app",
            "workers": 1,
            "threads": 32,
            "variables": {},
        }
    }
    assert isinstance(versions := manifest["versions"], dict)
    assert {"python", "flask", "fastapi", "django", "uvicorn", "starlette", "wrk"} <= {*versions}
    assert isinstance(machine := manifest["machine"], dict)
    assert {"processor", "cores", "memory_mib", "kernel", "load_average"} <= {*machine}
    assert isinstance(load := manifest["load"], dict)
    assert (load["rounds"], load["seconds"], load["keep_alive"]) == (1, 1, True)


@pytest.mark.slow
@pytest.mark.usefixtures("wrk")
def test_an_error_response_fails_the_run_and_names_the_case(closing: str) -> None:
    result = bench("--quick", "--target", closing, "--workload", "hello", "--connections", 2)
    assert result.exit_code == 1
    assert "Error: The closing one, hello, 2 connections: " in result.output
    assert "503" in result.output
    assert "closed for the day" in result.output


@pytest.mark.usefixtures("wrk")
def test_a_server_that_does_not_start_fails_the_run_and_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(SERVERS, "quart", Server(f"{targets.UVICORN} no_such_module:app"))
    result = bench("--quick", "--target", "quart")
    assert result.exit_code == 1
    assert "uvicorn did not start" in result.output
    assert "no_such_module" in result.output


def test_without_wrk_the_run_fails_with_the_install_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "")
    result = bench("--quick")
    assert result.exit_code == 1
    assert result.output.strip() == f"Error: {INSTALL}"


def test_a_server_that_is_not_installed_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = Server("no-such-server --port {port}", install="apt-get install it")
    monkeypatch.setitem(SERVERS, "quart", absent)
    result = bench("--target", "quart")
    assert result.exit_code == 1
    assert "no-such-server is not installed (apt-get install it)" in result.output


def test_a_file_that_is_not_a_result_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "other.json"
    file.write_text("[]")
    assert "is not a result of `python -m showdown bench`" in bench("--compare", file, file).output
    file.write_text("{")
    assert "is not JSON" in bench("--compare", file, file).output


def test_results_without_a_common_case_are_not_compared(tmp_path: Path) -> None:
    files = [tmp_path / "one.json", tmp_path / "other.json"]
    for file in files:
        file.write_text(json.dumps({"format": results.FORMAT, "suite": "x", "cases": []}))
    assert "no case in common" in bench("--compare", *files).output
    files[0].write_text(json.dumps({"format": results.FORMAT, "suite": "layers", "process": {}}))
    assert "results of the suite layers cannot be compared" in bench("--compare", *files).output


def test_a_figure_of_0_is_compared(tmp_path: Path) -> None:
    sample = {
        "rate": 9.0,
        "cpu": 0.0,
        "p50": 1.0,
        "p95": 1.0,
        "p99": 1.0,
        "memory": 1,
        "requests": 1,
    }
    case = {"target": "a", "workload": "hello", "connections": 1, "samples": [sample]}
    file = tmp_path / "one.json"
    file.write_text(json.dumps({"format": results.FORMAT, "suite": "x", "cases": [case]}))
    result = bench("--compare", file, file)
    assert result.exit_code == 0, result.output
