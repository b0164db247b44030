"""``/request/curl`` and ``/request/as``: a request in the words of other programs."""

import ast
import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from framework_gateway import Config, Gateway
from tests.compare import applications
from tests.servers import ROOT

TARGETS = {"one": "http://127.0.0.1:1/one", "two": "http://127.0.0.1:1/two"}


@pytest.fixture
def client() -> TestClient:
    """A gateway with two equal mounts."""
    app = Gateway({"/one": applications.main, "/two": applications.main})
    return TestClient(app, "http://127.0.0.1")


def test_a_curl_command_becomes_a_request(client: TestClient) -> None:
    command = "curl -X PUT 'http://127.0.0.1/one/users?a=1' -H 'X-A: b' --data-raw '{\"n\":1.0}'"
    assert client.post("/request/curl", content=command).json() == {
        "method": "PUT",
        "path": "/one/users?a=1",
        "headers": {"X-A": "b", "Content-Type": "application/x-www-form-urlencoded"},
        "body": '{"n":1.0}',
    }


@pytest.mark.parametrize(
    "option",
    [
        "-d @{file}",
        "--data-binary @{file}",
        "--data-urlencode x@{file}",
        "--json @{file}",
        "-F x=@{file}",
        "-F 'x=<{file}'",
        "-H @{file}",
        "-b {file}",
    ],
)
def test_no_file_of_the_server_is_read(client: TestClient, tmp_path: Path, option: str) -> None:
    file = tmp_path / "secret"
    file.write_text("the secret")
    response = client.post("/request/curl", content=f"curl {option.format(file=file)} http://x/")
    assert response.status_code == 400
    assert "the secret" not in response.text


@pytest.mark.parametrize("text", ["wget http://x/", "curl 'x", "curl", "curl --wrong http://x/"])
def test_what_is_no_curl_command_is_refused_in_words(client: TestClient, text: str) -> None:
    response = client.post("/request/curl", content=text)
    assert response.status_code == 400
    assert "curl" in response.json()["detail"]


def test_long_commands_are_refused(client: TestClient) -> None:
    assert client.post("/request/curl", content=b"x" * 300_000).status_code == 413


def written(client: TestClient, line: object) -> dict[str, object]:
    """Return a request in the words of the other programs."""
    response = client.post("/request/as", json={"line": line, "targets": TARGETS})
    assert response.status_code == 200
    found: dict[str, object] = response.json()
    return found


def test_the_python_program_sends_the_request(client: TestClient) -> None:
    line = {
        "method": "POST",
        "path": "/echo?q={framework}",
        "headers": {"X-A": "b'c"},
        "body": "{framework} é\n'",
    }
    commands = written(client, line)["commands"]
    assert isinstance(commands, dict)
    call = ast.parse(commands["two"]["python"]).body[1]
    assert isinstance(call, ast.Assign)
    assert ast.unparse(call) == (
        "response = httpx.request('POST', 'http://127.0.0.1:1/two/echo?q=two',"
        """ headers={'X-A': "b'c"}, content=b"two \\xc3\\xa9\\n'")"""
    )
    assert "--header" in commands["one"]["curl"]
    assert "--raw=" in commands["one"]["httpie"]


def test_the_saved_test_fails_where_the_mounts_differ(client: TestClient, tmp_path: Path) -> None:
    targets = {
        "one": "tests.compare.applications:main",
        "two": "tests.compare.applications:changed",
    }
    line = {"path": "/users"}
    response = client.post("/request/as", json={"line": line, "targets": targets}).json()
    file = tmp_path / "test_saved.py"
    file.write_text(response["pytest"])
    options = ["-q", "-p", "no:randomly", "-c", "/dev/null"]
    command = [sys.executable, "-m", "pytest", *options, str(file)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 1
    assert "1 failed" in run.stdout
    assert "/1/name" in run.stdout
    assert json.loads(response["line"]) == {"method": "GET", "path": "/users"}


@pytest.mark.parametrize("body", ["", "{}", "[]", '{"line": 1, "targets": {}}', '{"line": {}}'])
def test_what_is_no_request_is_refused(client: TestClient, body: str) -> None:
    response = client.post("/request/as", content=body)
    assert response.status_code == 400
    assert response.json()["detail"].startswith("This is not a request: ")


def test_closed_pages_close_these_as_well() -> None:
    config = Config(allowed_hosts=["127.0.0.1"], env="production")
    app = Gateway({"/one": applications.main, "/two": applications.main}, config=config)
    client = TestClient(app, "http://127.0.0.1")
    assert client.post("/request/curl", content="curl http://x/").status_code == 403
    assert client.post("/request/as", content="{}").status_code == 403
    assert client.get("/index.json").status_code == 403


def test_the_shell_and_the_programs_take_no_character_for_their_own(client: TestClient) -> None:
    line = {
        "method": "POST",
        "path": "/items/[1-3]",
        "headers": {"X-A": "=1", "X-B": "@name"},
        "body": "@/etc/hostname",
    }
    commands = written(client, line)["commands"]
    assert isinstance(commands, dict)
    curl = shlex.split(commands["one"]["curl"])
    assert curl[-1].endswith("/items/%5B1-3%5D")  # curl takes brackets for a list of URLs
    assert curl[curl.index("--data-raw") + 1] == "@/etc/hostname"
    httpie = shlex.split(commands["one"]["httpie"])
    assert "--raw=@/etc/hostname" in httpie
    assert httpie[-2:] == ["X-A:\\=1", "X-B:\\@name"]


def test_a_binary_body_is_read_from_a_file(client: TestClient) -> None:
    line = {"method": "PUT", "path": "/x", "body": "/w==", "encoding": "base64"}
    commands = written(client, line)["commands"]
    assert isinstance(commands, dict)
    assert "--data-binary @body" in commands["one"]["curl"]
    assert commands["one"]["httpie"] == "http --print=hb PUT http://127.0.0.1:1/one/x @body"
    assert "content=b'\\xff'" in commands["one"]["python"]
