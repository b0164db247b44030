"""However a gateway ends, it leaves no process behind."""

import os
import shutil
import signal
import tempfile
import threading
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.processes.gateways import ended, isolating, parent_of, wait_until


@pytest.mark.parametrize(
    ("how", "workers"),
    [
        (signal.SIGKILL, "1"),
        pytest.param(signal.SIGKILL, "2", marks=pytest.mark.slow),
        (signal.SIGTERM, "2"),
        pytest.param(signal.SIGTERM, "1", marks=pytest.mark.slow),
    ],
)
def test_nothing_is_left(
    apps: Path, how: signal.Signals, workers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(directory := Path(tempfile.mkdtemp(dir="/tmp"))))
    options = ("--isolate", "/probe", "--workers", workers)
    with isolating(apps, *options, probe="probe:app") as gateway:
        gateway.wait_for("/probe/")
        found = gateway.probe("/probe/spawn")
        processes = [found["pid"], parent_of(found["pid"]), *found["children"]]
        assert not any(map(ended, processes))
        gateway.process.send_signal(how)
        gateway.process.wait(20)
        wait_until(lambda: ended(*processes))
        wait_until(lambda: not [*directory.glob("gateway-process-*")])
    shutil.rmtree(directory)


def test_all_workers_share_one_process_and_follow_its_successor(apps: Path) -> None:
    options = ("--isolate", "/probe", "--workers", "2")
    with isolating(apps, *options, probe="probe:app") as gateway:
        wait_until(lambda: gateway.metric("worker_up") == 2)
        gateway.wait_for("/probe/")
        before = {gateway.probe()["pid"] for _ in range(10)}
        assert len(before) == 1
        gateway.process.send_signal(signal.SIGUSR1)
        wait_until(lambda: ended(*before))
        after = {gateway.probe()["pid"] for _ in range(10)}
        assert len(after) == 1
        assert after != before
        (process,) = after
        os.kill(process, signal.SIGKILL)
        assert gateway.wait_for("/probe/", 503).headers["Retry-After"]
        gateway.wait_for("/probe/")


def test_a_request_that_runs_is_finished_before_the_gateway_ends(apps: Path) -> None:
    with isolating(apps, "--isolate", "/probe", probe="probe:app") as gateway:
        gateway.wait_for("/probe/")
        answers: list[str] = []
        slow = threading.Thread(target=lambda: answers.append(gateway.probe("/probe/wait")["path"]))
        slow.start()
        wait_until(lambda: gateway.metric("mount_open", mount="probe") == 1)
        gateway.process.terminate()
        slow.join()
        assert answers == ["/wait"]
        assert gateway.process.wait(20) == 0


def test_a_process_that_does_not_stop_is_killed_after_its_grace_period(
    apps: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_GRACEFUL_TIMEOUT", "1")
    with isolating(apps, "--isolate", "/probe", probe="probe:app") as gateway:
        gateway.wait_for("/probe/")
        process = gateway.probe()["pid"]
        with pytest.raises(httpx.TimeoutException):
            gateway.get("/probe/deaf", timeout=0.5)
        gateway.process.terminate()
        gateway.wait_for_output("process./probe [-] did not stop within 1 s and was killed")
        wait_until(lambda: ended(process))


def test_a_long_name_of_the_temporary_directory_is_no_obstacle(
    apps: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (directory := apps / ("x" * 100)).mkdir()
    monkeypatch.setenv("TMPDIR", str(directory))
    with isolating(apps, "--isolate", "/probe", probe="probe:app") as gateway:
        gateway.wait_for("/probe/")
