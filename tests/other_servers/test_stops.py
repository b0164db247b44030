"""SIGTERM: what each server does with a running request, and its exit status."""

import signal
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.conftest import FRAMEWORKS
from tests.other_servers.servers import COMMANDS, Served, serving
from tests.wsgi.server import PATIENCE, is_listening, wait_until

pytestmark = pytest.mark.slow

# uvicorn ends itself by the signal, after it has stopped in good order.
STATUS = {**dict.fromkeys(COMMANDS, 0), "uvicorn": -signal.SIGTERM}
# Daphne ends the applications of running requests.
ANSWER = {**dict.fromkeys(COMMANDS, "released"), "daphne": "no answer"}


@pytest.mark.parametrize("kind", ["wsgi", "asgi"])
def test_a_running_request_at_sigterm(own_server: Served, kind: str) -> None:
    server = own_server
    with ThreadPoolExecutor() as threads:
        running = threads.submit(httpx.get, f"{server.origin}/{kind}/held", timeout=PATIENCE)
        counts = f"{server.origin}/{kind}/counts"
        wait_until(lambda: httpx.get(counts).text.startswith("1 waiting"))
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not is_listening(server.port) or running.done())
        server.release.touch()
        assert text_of(running) == ANSWER[server.name]
        assert server.process.wait(PATIENCE) == STATUS[server.name]


def text_of(answer: "Future[httpx.Response]") -> str:
    """Return the body of an answer, or that there was none."""
    try:
        return answer.result(PATIENCE).text
    except httpx.TransportError:
        return "no answer"


def test_an_idle_server_at_sigterm(own_server: Served) -> None:
    own_server.process.send_signal(signal.SIGTERM)
    assert own_server.process.wait(PATIENCE) == STATUS[own_server.name]


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.usefixtures("database")
def test_the_showdown_at_sigterm(name: str, tmp_path: Path) -> None:
    with serving(name, tmp_path, "gateway:app", "/flask/api/hello") as server:
        for framework in FRAMEWORKS:
            answer = httpx.get(f"{server.origin}/{framework}/api/users", timeout=PATIENCE)
            assert answer.status_code == 200
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(PATIENCE) == STATUS[name]
