"""A measurement that receives SIGTERM leaves no server running."""

from contextlib import suppress
from pathlib import Path

import pytest

from tests.servers import Server, has_ended, running
from tests.wsgi.server import wait_until

QUICK = [
    pytest.param(("bench", "--quick", "--target", "flask-gateway"), id="bench"),
    pytest.param(("claims", "--quick", "--only", "quart"), id="claims", marks=pytest.mark.slow),
]


def commands_below(process: Server) -> dict[int, str]:
    """Return the command lines of a process's descendants, by process id."""
    lines = {}
    for child in process.children:
        with suppress(FileNotFoundError, ProcessLookupError):  # the process has just ended
            lines[child] = Path(f"/proc/{child}/cmdline").read_text()
    return lines


def is_loading(commands: dict[int, str]) -> bool:
    return any(line.startswith("wrk") and "http://" in line for line in commands.values())


@pytest.mark.usefixtures("wrk")
@pytest.mark.parametrize("command", QUICK)
def test_sigterm_also_ends_the_servers(command: tuple[str, ...]) -> None:
    with running("python", "-m", "showdown", *command) as process:
        wait_until(lambda: is_loading(commands_below(process)), 60)
        started = commands_below(process)
        process.terminate()
        assert process.wait(30) == 1
        assert process.output.endswith("Aborted!\n")
    servers = [child for child, line in started.items() if "uvicorn" in line]
    assert servers
    # It waits for the servers that it ends. wrk it only kills: subprocess.run() does not wait for
    # a process that it kills because of an interrupt.
    assert all(has_ended(server) for server in servers)
    wait_until(lambda: all(has_ended(child) for child in started))
