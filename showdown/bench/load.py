"""The load generator: wrk, with a script that prints its figures. It only requests 127.0.0.1."""

import http.client
import json
import secrets
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import click

from showdown.bench.targets import program

INSTALL = "wrk is missing (Debian: apt-get install wrk)"
EMAIL_START = "bench-"
TIMEOUT = 60  # seconds to wait for a response

# wrk counts statuses of 400 and above as errors; its latencies are in microseconds.
REPORT = """
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests":%d,"microseconds":%d,"p50":%d,"p95":%d,"p99":%d,' ..
    '"failed":%d,"broken":%d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(95),
    latency:percentile(99), errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
"""
# Every email address is new, within a run of wrk and across runs.
CREATE = """
local number = 0
local headers = {["Content-Type"] = "application/json"}
request = function()
  number = number + 1
  local email = "%s-" .. number .. "@example.com"
  return wrk.format("POST", nil, headers, '{"name":"Bench","email":"' .. email .. '"}')
end
"""
# Reading each response slows wrk down, so only the run that looks for an error does it.
SHOW_ERROR = """
local shown = false
response = function(status, headers, body)
  if not shown and (status < 200 or status > 299) then
    shown = true
    io.write("ANSWER " .. status .. " " .. (body:sub(1, 300):gsub("%c", " ")) .. "\\n")
  end
end
"""


@dataclass(frozen=True)
class Load:
    """The result of one run of a load generator; latencies in milliseconds."""

    requests: int
    rate: float
    p50: float
    p95: float
    p99: float
    failed: int
    broken: int


def require_wrk() -> None:
    """Raise ClickException with the install command if wrk is missing."""
    if program("wrk") is None:
        raise click.ClickException(INSTALL)


def new_email() -> str:
    """Return the beginning of an email address that nobody has."""
    return EMAIL_START + secrets.token_hex(8)


def run_wrk(
    port: int,
    path: str,
    method: str,
    connections: int,
    seconds: int,
    cookie: str = "",
    script: str = "",
) -> Load:
    """Send requests to a loopback port for a number of seconds.

    Args:
        script: Lua that builds other requests than the contract's.
    """
    lua = script + REPORT if script else _script(method)
    output = _wrk(lua, port, path, connections, seconds, cookie)
    result = json.loads(output.partition("RESULT ")[2])
    return Load(
        requests=result["requests"],
        rate=result["requests"] / result["microseconds"] * 1e6,
        failed=result["failed"],
        broken=result["broken"],
        **{name: result[name] / 1000 for name in ("p50", "p95", "p99")},
    )


def first_error(port: int, path: str, method: str, connections: int, cookie: str = "") -> str:
    """Load the server for another second and return its first error response."""
    output = _wrk(_script(method) + SHOW_ERROR, port, path, connections, 1, cookie)
    found = output.partition("ANSWER ")[2].splitlines()
    return found[0] if found else "no error in another second"


def ask(port: int, path: str, method: str, cookie: str = "") -> tuple[int, str]:
    """Send one request; return the status and the body of the response.

    Raises:
        OSError: there was no response.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    try:
        status, body = exchange(connection, path, method, cookie)
    except http.client.HTTPException as error:
        raise ConnectionError(f"no valid response: {error!r}") from error
    finally:
        connection.close()
    return status, body[:300].decode(errors="replace")


def exchange(
    connection: http.client.HTTPConnection, path: str, method: str, cookie: str = ""
) -> tuple[int, bytes]:
    """Send one request over an open connection; POST creates a user that nobody else creates."""
    headers, body = ({"Cookie": cookie} if cookie else {}), None
    if method == "POST":
        headers["Content-Type"] = "application/json"
        body = json.dumps({"name": "Bench", "email": f"{new_email()}@example.com"})
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    return response.status, response.read()


@contextmanager
def stick(port: int, path: str) -> Iterator[None]:
    """Keep ten connections waiting for a response."""
    command = ["wrk", "-t1", "-c10", "-d60s", "--timeout", "60s", f"http://127.0.0.1:{port}{path}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def _script(method: str) -> str:
    return REPORT + (CREATE % new_email() if method == "POST" else "")


def _wrk(
    script: str, port: int, path: str, connections: int, seconds: int, cookie: str = ""
) -> str:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        options = ["-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", f"{TIMEOUT}s"]
        if cookie:
            options += ["-H", f"Cookie: {cookie}"]
        # On the PATH; its directory differs between systems.
        run = subprocess.run(  # nosec B607
            ["wrk", *options, "-s", file.name, f"http://127.0.0.1:{port}{path}"],
            capture_output=True,
            text=True,
            timeout=seconds + 2 * TIMEOUT,
        )
    if run.returncode:
        raise click.ClickException(f"wrk failed: {run.stdout}{run.stderr}")
    return run.stdout
