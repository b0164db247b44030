"""The gateway on a real socket: three ways to start it, and the documented commands."""

import re
import subprocess
from collections.abc import Iterator

import httpx2 as httpx
import pytest

from tests.conftest import FRAMEWORKS
from tests.databases import PostgreSQL, SQLite, free_port
from tests.documents import commands
from tests.servers import Server, serve

COMMANDS = {
    "script": ("gateway", "--port"),
    "file": ("python", "gateway.py", "--port"),
    "uvicorn": ("uvicorn", "gateway:app", "--port"),
}


@pytest.fixture
def origin() -> str:
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture
def server(database: SQLite | PostgreSQL, origin: str) -> Iterator[Server]:
    """The console script on a fresh database."""
    port = origin.rpartition(":")[2]
    with serve("gateway", "--port", port, origin=origin, path="/flask/api/hello") as process:
        yield process


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.usefixtures("database")
def test_each_start_serves_the_three_prefixes(command: tuple[str, ...], origin: str) -> None:
    port = origin.rpartition(":")[2]
    with serve(*command, port, origin=origin, path="/flask/api/hello"):
        answers = [httpx.get(f"{origin}/{name}/api/users") for name in FRAMEWORKS]
        assert [answer.status_code for answer in answers] == [200, 200, 200]
        assert {answer.content for answer in answers} == {
            b'[{"id":1,"name":"Alice","email":"alice@example.com"},'
            b'{"id":2,"name":"Bob","email":"bob@example.com"}]'
        }
        assert httpx.get(f"{origin}/nothing").status_code == 404


def test_the_start_prints_the_urls_and_each_responds(server: Server, origin: str) -> None:
    # The following lines are those of requests.
    lines = [line for line in server.output.splitlines() if origin in line]
    assert [re.split(r"\s+(?=http)", line) for line in lines] == [
        ["Compare", f"{origin}/"],
        ["Flask", f"{origin}/flask/api/users"],
        ["FastAPI", f"{origin}/fastapi/api/users"],
        ["Django", f"{origin}/django/api/users"],
        ["Swagger UI", f"{origin}/fastapi/docs"],
        ["ReDoc", f"{origin}/fastapi/redoc"],
        ["Admin", f"{origin}/django/admin/"],
    ]
    for line in lines:
        address = line.split()[-1]
        assert httpx.get(address, follow_redirects=True).status_code == 200, address


def test_every_documented_curl_command_succeeds(server: Server, origin: str) -> None:
    """The commands of README and guide run one after another."""
    found = commands("curl ")
    assert len(found) >= 7
    for command in found:
        arguments = [word.replace("http://127.0.0.1:8000", origin) for word in command]
        assert origin in " ".join(arguments), command
        result = subprocess.run(
            [*arguments, "--silent", "--show-error", "--fail-with-body", "--max-time", "20"],
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, f"{command}: {result.stdout}{result.stderr}"
