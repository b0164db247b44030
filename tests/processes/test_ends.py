"""However a gateway ends, it leaves no process behind."""

import os
import signal
import threading
from pathlib import Path

import pytest

from tests.processes.gateways import ended, isolating, parent_of
from tests.wsgi.server import wait_until


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_is_left(apps: Path, how: signal.Signals, workers: str) -> None:
    options = ("--isolate", "/probe", "--workers", workers)
    with isolating(apps, *options, probe="probe:app") as gateway:
        gateway.wait_for("/probe/")
        found = gateway.probe("/probe/spawn")
        processes = [found["pid"], parent_of(found["pid"]), *found["children"]]
        assert not any(map(ended, processes))
        gateway.process.send_signal(how)
        gateway.process.wait(20)
        wait_until(lambda: ended(*processes))


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
