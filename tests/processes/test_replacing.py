"""A process is replaced by hand or by its age, and no request is lost."""

import signal
import threading
from pathlib import Path

from tests.processes.gateways import Load, ended, isolating, wait_until


def test_a_signal_replaces_the_processes_one_by_one_without_a_gap(apps: Path) -> None:
    options = ("--mount-option", "/probe:process.processes=2")
    with isolating(apps, *options, probe="probe:app") as gateway:
        wait_until(lambda: gateway.metric("mount_process_up", mount="probe") == 2)
        before = {gateway.probe()["pid"] for _ in range(8)}
        with Load(gateway.origin + "/probe/") as load:
            gateway.process.send_signal(signal.SIGUSR1)
            wait_until(lambda: ended(*before))
        assert set(load.seen) == {200}
        after = {gateway.probe()["pid"] for _ in range(8)}
        assert len(after) == len(before) == 2
        assert after.isdisjoint(before)
        assert gateway.metric("mount_process_restarts_total", mount="probe") == 0


def test_a_request_that_runs_is_finished_by_the_old_process(apps: Path) -> None:
    with isolating(apps, "--isolate", "/probe", probe="probe:app") as gateway:
        gateway.wait_for("/probe/")
        before = gateway.probe()["pid"]
        answers: list[int] = []
        slow = threading.Thread(target=lambda: answers.append(gateway.probe("/probe/wait")["pid"]))
        slow.start()
        wait_until(lambda: gateway.metric("mount_open", mount="probe") == 1)
        gateway.process.send_signal(signal.SIGUSR1)
        wait_until(lambda: gateway.probe()["pid"] != before)
        slow.join()
        assert answers == [before]
        wait_until(lambda: ended(before))


def test_a_successor_that_cannot_start_leaves_the_old_process_in_place(apps: Path) -> None:
    with isolating(apps, "--isolate", "/fragile", fragile="fragile:app") as gateway:
        gateway.wait_for("/fragile/")
        before = gateway.probe("/fragile/")["pid"]
        (apps / "broken").touch()
        gateway.process.send_signal(signal.SIGUSR1)
        gateway.wait_for_output("could not be replaced, the old process serves on: status 1: ")
        assert gateway.probe("/fragile/")["pid"] == before
        assert gateway.readiness["ready"]


def test_a_signal_restarts_at_once_what_waits_to_restart(apps: Path) -> None:
    (apps / "broken").touch()
    with isolating(apps, "--isolate", "/fragile", fragile="fragile:app") as gateway:
        gateway.wait_for_output("restart in 4 s")
        (apps / "broken").unlink()
        gateway.process.send_signal(signal.SIGUSR1)
        gateway.wait_for_output("process./fragile [-] is started now (on request)")
        gateway.wait_for("/fragile/")


def test_a_process_retires_after_so_many_requests(apps: Path) -> None:
    options = ("--mount-option", "/probe:process.retire_after=100")
    with isolating(apps, *options, probe="probe:app") as gateway:
        gateway.wait_for("/probe/")
        before = gateway.probe()["pid"]
        with Load(gateway.origin + "/probe/") as load:
            wait_until(lambda: ended(before))
        assert set(load.seen) == {200}
        assert "it has served some 100 requests" in gateway.process.output
