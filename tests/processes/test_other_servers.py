"""Under another server, the gateway's process supervises the isolated ones itself."""

import signal
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.databases import free_port
from tests.processes.gateways import Isolating, ended, wait_until
from tests.servers import serve

GATEWAY = """
from framework_gateway import Admission, Gateway, Mount, Process

class Person:
    name = "José"
    permitted = True
    read_only = False

async def session(key, permissions):
    return Person() if key == "secret" else None

async def token(key, permissions):
    return None

admit = Admission(session, token, lambda scope: False, cookie="sessionid", needs=None)
options = {"process": Process(environment={"PROBE": "value"}), "login": True}
mounts = [Mount("/probe", "probe:app", **options), Mount("/live", "live:app", **options)]
app = Gateway(mounts, admit=admit)
"""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_the_processes_start_and_end_with_it_and_learn_who_is_logged_in(
    apps: Path, how: signal.Signals
) -> None:
    (apps / "gateway.py").write_text(GATEWAY)
    origin = f"http://127.0.0.1:{(port := free_port())}"
    command = ("uvicorn", "--port", port, "gateway:app")
    with serve(*command, origin=origin, path="/health/live", cwd=apps) as process:
        gateway = Isolating(origin, process)
        gateway.wait_for("/probe/")
        gateway.wait_for("/live/items")
        anonymous = gateway.probe()
        cookies = {"Cookie": "sessionid=secret"}
        known = gateway.probe(headers=cookies)
        assert (anonymous["user"], known["user"]) == (None, "José")
        assert known["variable"] == "value"
        assert httpx.get(f"{origin}/live/items", headers=cookies).json()["user"] == "José"
        process.send_signal(how)
        process.wait(20)
        wait_until(lambda: ended(known["pid"]))
