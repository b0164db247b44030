"""What a supervisor sees of one running process."""

import logging
import sys
from pathlib import Path

from framework_gateway import Process
from framework_gateway.mounts.isolation import plan_for
from framework_gateway.mounts.options import MountOptions
from framework_gateway.processes.care import Care
from framework_gateway.processes.instance import Instance
from framework_gateway.processes.states import ProcessStates
from tests.processes.gateways import wait_until

# It answers one request, and accepts the next ones.
SERVER = """
import socket, sys

listener = socket.create_server(sys.argv[1], family=socket.AF_UNIX)
first, _ = listener.accept()
first.recv(65536)
first.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
kept = []
while True:
    kept.append(listener.accept())
"""


def test_a_health_check_that_hangs_does_not_keep_the_supervisor_from_anything_else(
    tmp_path: Path,
) -> None:
    (tmp_path / "server.py").write_text(SERVER)
    command = f"{sys.executable} {tmp_path}/server.py {{socket}}"
    options = Process(command=command, health="/health", health_interval=3600)
    plan = plan_for("/shop", "/shop", "", MountOptions(start_timeout=60), {}, options)
    states = ProcessStates.create(plan)
    instance = Instance(plan, logging.getLogger("process./shop"))
    instance.start(lambda: None)
    try:
        care = Care(instance, states.slots[0], states.mount)
        assert not care.look()
        care.health_at = float("-inf")
        wait_until(lambda: not care.look() and care.is_asking)
        instance.send(b"kill")
        wait_until(care.look)
    finally:
        instance.close()
