"""An application in a process of its own answers as in the gateway's, under its prefix."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest
import websockets

from tests.processes.applications import write_applications
from tests.processes.gateways import Isolating, isolating, wait_until
from tests.servers import run

MAX_BODY = 3_000_000  # bytes


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Isolating]:
    """A gateway with a WSGI and an ASGI application."""
    options = "--mount-option", f"/probe:max_body_size={MAX_BODY}"
    directory = write_applications(tmp_path_factory.mktemp("apps"))
    isolated = "--isolate", "/probe", "--isolate", "/live"
    with isolating(directory, *isolated, *options, probe="probe:app", live="live:app") as found:
        found.wait_for("/probe/")
        found.wait_for("/live/items")
        yield found


def test_an_application_runs_in_another_process_with_the_gateways_scope(
    gateway: Isolating,
) -> None:
    found = gateway.probe("/probe/a%2Fb/c", headers={"Host": "localhost"})
    assert found["pid"] != gateway.process.pid
    assert (found["script"], found["path"]) == ("/probe", "/a/b/c")
    assert found["uri"] == "/probe/a%2Fb/c"
    assert (found["client"], found["scheme"], found["host"]) == ("127.0.0.1", "http", "localhost")
    assert found["server"] == ["localhost", "80"]


def test_no_client_can_set_what_the_gateway_hands_on(gateway: Isolating) -> None:
    forged = {
        "Gateway-User": "eve",
        "Gateway_User": "eve",
        "Gateway-Check": "1",
        "X-Forwarded-Prefix": "/eve",
        "X-Forwarded-For": "192.0.2.1",
        "X-Forwarded-Proto": "https",
    }
    found = gateway.probe(headers=forged)
    assert (found["user"], found["script"]) == (None, "/probe")
    assert (found["client"], found["scheme"]) == ("127.0.0.1", "http")
    assert [name for name in found["headers"] if "GATEWAY" in name or "FORWARDED" in name] == []


def test_the_root_path_of_an_outer_proxy_is_handed_on_also_at_the_root(apps: Path) -> None:
    arguments = ("--mount", "/=probe:app", "--isolate", "/", "--isolate", "/probe")
    with isolating(apps, *arguments, "--root-path", "/outer", probe="probe:app") as gateway:
        gateway.wait_for("/probe/")
        assert gateway.probe()["script"] == "/outer/probe"
        found = gateway.probe("/anything")
    assert (found["script"], found["path"]) == ("/outer", "/anything")
    assert found["directory"] == str(apps)


def test_a_body_arrives_whole_and_one_that_is_too_long_is_refused(gateway: Isolating) -> None:
    sent = httpx.post(f"{gateway.origin}/probe/", content=bytes(MAX_BODY))
    refused = httpx.post(f"{gateway.origin}/probe/", content=bytes(MAX_BODY + 1))
    assert sent.json()["body"] == MAX_BODY
    assert refused.status_code == 413


def test_an_asgi_application_has_its_urls_sockets_and_streams(gateway: Isolating) -> None:
    found = gateway.get("/live/items").json()
    assert found["url"] == f"{gateway.origin}/live/items"
    assert (found["greeting"], found["client"]) == ("hello", "127.0.0.1")
    assert asyncio.run(echo(gateway.origin.replace("http", "ws") + "/live/echo")) == "hello"
    with httpx.stream("GET", f"{gateway.origin}/live/events") as response:
        assert next(response.iter_text()).startswith("data: x")


async def echo(url: str) -> str | bytes:
    async with websockets.connect(url) as connection:
        await connection.send("hello")
        return await connection.recv()


@pytest.mark.parametrize(
    ("path", "error"), [("/probe/raise", "from the start"), ("/live/raise", "at the end")]
)
def test_an_exception_of_the_application_is_500_and_logged_once(
    gateway: Isolating, path: str, error: str
) -> None:
    response = gateway.get(path, headers={"X-Request-ID": "of-this-request"})
    assert response.status_code == 500
    gateway.wait_for_output(f"RuntimeError: wrong {error}")
    assert gateway.process.output.count(f"RuntimeError: wrong {error}") == 1
    assert "[of-this-request]" in gateway.process.output


def test_the_lifespan_of_an_application_ends_with_the_gateway(apps: Path) -> None:
    with isolating(apps, "--isolate", "/live", live="live:app") as gateway:
        gateway.wait_for_output("process./live [-] has started")
        gateway.process.terminate()
        gateway.wait_for_output("process./live [-] has stopped")
        assert gateway.process.wait(20) == 0


def test_options_reach_the_process(apps: Path) -> None:
    (apps / "elsewhere").mkdir()
    (apps / "elsewhere" / "probe.py").write_text((apps / "probe.py").read_text())
    options = (
        f"process.working_directory={apps / 'elsewhere'}",
        "process.environment.PROBE=value",
        "process.processes=2",
    )
    arguments = [text for one in options for text in ("--mount-option", f"/probe:{one}")]
    with isolating(apps, *arguments, probe="probe:app") as gateway:
        wait_until(lambda: gateway.metric("mount_process_up", mount="probe") == 2)
        found = [gateway.probe() for _ in range(8)]
    assert len({one["pid"] for one in found}) == 2
    assert {one["directory"] for one in found} == {str(apps / "elsewhere")}
    assert {one["variable"] for one in found} == {"value"}


def test_lines_of_the_output_are_records_of_the_gateway(gateway: Isolating) -> None:
    gateway.probe("/probe/print")
    gateway.wait_for_output("process./probe [-] from stderr")
    lines = [line for line in gateway.process.output.splitlines() if "process./probe" in line]
    assert any(line.endswith("INFO process./probe [-] first line") for line in lines)
    assert max(map(len, lines)) < 5000


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("process.pyton=x", "unknown; did you mean python?"),
        ("process.processes=0", "greater than or equal to 1"),
        ("process.command=gunicorn", r"should match pattern '\{socket\}'"),
    ],
)
def test_an_invalid_option_ends_with_one_line(apps: Path, option: str, said: str) -> None:
    arguments = ("--only-mounts", "--mount", "/a=probe:app", "--mount-option", f"/a:{option}")
    result = run("gateway", "serve", *arguments, cwd=apps)
    assert result.returncode == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr
