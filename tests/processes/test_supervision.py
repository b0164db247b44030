"""A process that ends, hangs or grows is replaced, and no other mount loses a request."""

import os
import signal
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.databases import free_port
from tests.processes.gateways import Isolating, Load, ended, isolating, parent_of, wait_until
from tests.servers import run


def child_of_gateway(gateway: Isolating) -> int:
    """Return the id of the process that serves ``/probe``."""
    found: int = gateway.probe()["pid"]
    return found


@pytest.mark.parametrize("victim", ["application", "guardian"])
def test_a_killed_process_is_restarted_and_others_lose_nothing(apps: Path, victim: str) -> None:
    mounts = {"probe": "probe:app", "other": "probe:app", "inside": "live:app"}
    with isolating(apps, "--isolate", "/probe", "--isolate", "/other", **mounts) as gateway:
        for path in ("/probe/", "/other/", "/inside/items"):
            gateway.wait_for(path)
        before = child_of_gateway(gateway)
        killed = before if victim == "application" else parent_of(before)
        with (
            Load(gateway.origin + "/other/") as other,
            Load(gateway.origin + "/inside/items", clients=1) as inside,
            Load(gateway.origin + "/probe/", clients=1) as load,
        ):
            os.kill(killed, signal.SIGKILL)
            wait_until(lambda: load.seen[503])
            refused = gateway.get("/probe/")
            down = "its process does not run"
            wait_until(lambda: down in gateway.readiness["failures"].get("/probe", ""))
            wait_until(lambda: gateway.get("/probe/").status_code == 200)
        assert set(other.seen) == set(inside.seen) == {200}
        # A request that the process was serving is lost; further ones are refused.
        assert set(load.seen) <= {200, 502, 503}
        assert refused.status_code == 503
        assert refused.headers["Retry-After"]
        assert child_of_gateway(gateway) != before
        wait_until(lambda: ended(before))
        assert gateway.metric("mount_process_restarts_total", mount="probe") == 1
        assert gateway.metric("mount_process_up", mount="probe") == 1
        assert gateway.readiness["ready"]
        assert "process./probe [-] ended: " in gateway.process.output


def test_an_application_that_cannot_be_imported_does_not_stop_the_others(apps: Path) -> None:
    mounts = {"probe": "probe:app", "broken": "broken:app"}
    with isolating(apps, "--isolate", "/broken", **mounts) as gateway:
        assert gateway.probe("/probe/")["path"] == "/"
        gateway.wait_for_output("restart in 2 s")
        assert gateway.get("/broken/").status_code == 503
        failures = gateway.readiness["failures"]
        assert "no database here" in failures["/broken"]
        assert "RuntimeError: no database here" in gateway.process.output


def test_an_application_that_hangs_at_its_start_is_killed_and_tried_again(apps: Path) -> None:
    options = ("--isolate", "/hanging", "--mount-option", "/hanging:start_timeout=1")
    with isolating(apps, *options, hanging="hanging:app", probe="probe:app") as gateway:
        assert gateway.probe("/probe/")["path"] == "/"
        gateway.wait_for_output("ended: could not be started: it did not answer within 1 s")
        assert gateway.get("/hanging/").status_code == 503


def test_fail_fast_ends_with_the_reason(apps: Path) -> None:
    arguments = ("--only-mounts", "--port", free_port(), "--mount", "/a=broken:app")
    result = run("gateway", "serve", "--fail-fast", *arguments, "--isolate", "/a", cwd=apps)
    assert result.returncode == 3
    assert "no database here" in result.stderr


def test_a_request_that_hangs_gets_504_and_the_process_serves_on(apps: Path) -> None:
    options = ("--isolate", "/probe", "--mount-option", "/probe:request_timeout=0.5")
    with isolating(apps, *options, probe="probe:app") as gateway:
        gateway.wait_for("/probe/")
        before = child_of_gateway(gateway)
        assert gateway.get("/probe/hang").status_code == 504
        assert child_of_gateway(gateway) == before


def test_a_process_that_fails_its_health_checks_is_restarted(apps: Path) -> None:
    options = (
        "/probe:process.health=/probe",
        "/probe:process.health_interval=0.2",
        "/probe:threads=1",
    )
    arguments = [text for option in options for text in ("--mount-option", option)]
    with isolating(apps, *arguments, probe="probe:app") as gateway:
        gateway.wait_for("/probe/")
        before = child_of_gateway(gateway)
        with Load(gateway.origin + "/health/live", clients=1):
            # Its only thread does not come back.
            with pytest.raises(httpx.TimeoutException):
                gateway.get("/probe/hang", timeout=0.5)
            wait_until(lambda: ended(before))
        assert gateway.wait_for("/probe/").json()["pid"] != before
        assert "3 health checks have failed" in gateway.process.output


def test_a_process_above_its_memory_limit_is_replaced_without_a_gap(apps: Path) -> None:
    options = ("--mount-option", "/probe:process.max_memory=120MB")
    with isolating(apps, *options, probe="probe:app") as gateway:
        gateway.wait_for("/probe/")
        before = child_of_gateway(gateway)
        with Load(gateway.origin + "/probe/") as load:
            gateway.get("/probe/eat")
            wait_until(lambda: ended(before))
        assert set(load.seen) == {200}
        assert child_of_gateway(gateway) != before
        assert gateway.metric("mount_process_memory_bytes", mount="probe") > 10_000_000


@pytest.mark.slow
def test_a_process_far_above_its_memory_limit_is_killed(apps: Path) -> None:
    options = ("--mount-option", "/probe:process.max_memory=90MB")
    with isolating(apps, *options, probe="probe:app") as gateway:
        gateway.wait_for("/probe/")
        gateway.get("/probe/eat")
        gateway.wait_for_output("process./probe [-] is killed: it uses")
        gateway.wait_for("/probe/")
