"""What applications do to `logging` harms neither the gateway's records nor their own."""

import json
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2 as httpx
import pytest

from tests.databases import free_port
from tests.servers import ROOT, SCRIPTS, Server, run, serve
from tests.wsgi.server import wait_until

HERE = "tests.observability"
# The names in STEPS of hostile.py, which configures the logging of each process that imports it.
STEPS = (
    *("dictConfig", "fileConfig", "disable", "root-level", "root-handlers", "basicConfig"),
    *("shutdown", "named", "each", "uvicorn", "last-resort", "handler", "factory"),
)
# Counts for ever, ten lines a second.
CLOCK = "import time\nfor n in range(10**6): print('tick', n); time.sleep(0.1)"


class Logged:
    """A server with mounts, and its log."""

    def __init__(self, server: Server, origin: str) -> None:
        self.server = server
        self.origin = origin

    def get(self, path: str, request_id: str = "some") -> httpx.Response:
        return httpx.get(self.origin + path, headers={"X-Request-ID": request_id}, timeout=30)

    def fail(self, path: str, request_id: str) -> None:
        """Send a request that gets an error, or half a response."""
        try:
            assert self.get(path, request_id).status_code == 500
        except httpx.RemoteProtocolError:
            assert path.endswith("/half")

    def find(self, pattern: str) -> list[str]:
        """Return what matches at the start of a line; wait until something does."""
        line = re.compile(f"^{pattern}", re.MULTILINE)
        wait_until(lambda: line.search(self.server.output))
        return line.findall(self.server.output)


@contextmanager
def serving(
    *options: str, mounts: dict[str, str], env: dict[str, str] | None = None
) -> Iterator[Logged]:
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    command = ["gateway", "serve", "--port", str(port), "--only-mounts", *options]
    for prefix, name in mounts.items():
        command += ["--mount", f"{prefix}={HERE}.{name}"]
    with serve(*command, origin=origin, path="/health/live", env=env) as server:
        yield Logged(server, origin)


@pytest.fixture(scope="module")
def hostile() -> Iterator[Logged]:
    # The last cannot be imported, after the first has configured logging.
    mounts = {"/asgi": "hostile:app", "/wsgi": "hostile:wsgi", "/z": "missing:app"}
    clock = shlex.join([str(SCRIPTS / "python"), "-c", CLOCK])
    with serving("--with", f"clock={clock}", mounts=mounts) as logged:
        yield logged


@pytest.mark.parametrize("step", [*STEPS, "none"])
def test_an_application_cannot_silence_the_gateway(hostile: Logged, step: str) -> None:
    if step in STEPS:  # the others may have been taken, in any order
        assert hostile.get(f"/asgi/{step}").status_code == 200
    ticks = len(hostile.find(r"\S+ \S+ INFO companion\.clock \[-\] tick "))
    failures = {
        f"asgi-{step}": ("/asgi/fail", "framework_gateway"),
        f"half-{step}": ("/asgi/half", "uvicorn.error"),
        f"wsgi-{step}": ("/wsgi/", "framework_gateway"),
        f"last-{step}": ("/asgi/fail", "framework_gateway"),
    }
    for request_id, (path, _) in failures.items():
        hostile.fail(path, request_id)
    for request_id, (_, logger) in reversed(failures.items()):
        head = rf"\S+ \S+ ERROR {logger} \[{request_id}\] .*\nTraceback "
        assert len(hostile.find(head)) == 1
        assert hostile.find(f".*boom {request_id}$") == [f"RuntimeError: boom {request_id}"]
    tick = re.compile(r"^\S+ \S+ INFO companion\.clock \[-\] tick ", re.MULTILINE)
    wait_until(lambda: len(tick.findall(hostile.server.output)) > ticks)


def test_an_application_that_cannot_be_imported_is_still_logged(hostile: Logged) -> None:
    reason = r".*/z could not be loaded: there is no module '\S+missing'"
    assert len(hostile.find(rf"\S+ \S+ ERROR framework_gateway \[-\] {reason}")) == 1


@pytest.fixture(scope="module")
def quiet() -> Iterator[Logged]:
    mounts = {
        "/flask": "quiet:flask",
        "/fastapi": "quiet:fastapi",
        "/django": "quiet:create_django",
    }
    with serving(mounts=mounts) as logged:
        yield logged


LOGGERS = {
    "/flask/log": "WARNING quiet_flask",
    "/flask/fail": "ERROR quiet_flask",
    "/fastapi/log": "WARNING quiet_fastapi",
    "/fastapi/library": "WARNING quiet_library",
    "/fastapi/alone": "WARNING quiet_alone",
    "/fastapi/fail": "ERROR framework_gateway",
    "/django/log": "WARNING quiet_django",
    "/django/fail": "ERROR django.request",
    "/django/missing": "WARNING django.request",
}


@pytest.mark.parametrize("path", LOGGERS)
def test_an_application_without_configuration_logs_as_the_gateway(quiet: Logged, path: str) -> None:
    request_id = "quiet" + path.replace("/", "-")
    before = quiet.server.output.count("few left")
    quiet.get(path, request_id)
    (head,) = quiet.find(rf"\S+ \S+ {LOGGERS[path]} \[{request_id}\] .*\n.*$")
    assert ("Traceback" in head) == path.endswith("/fail")
    quiet.get("/fastapi/alone", f"{request_id}-end")
    quiet.find(rf".*\[{request_id}-end\]")
    written = quiet.server.output.count("few left") - before
    assert written == 1 + ("few left" in head)
    assert "not written" not in quiet.server.output


def test_an_application_sees_logging_unconfigured(quiet: Logged) -> None:
    assert quiet.get("/fastapi/state").json() == {"handlers": 0, "has": False, "level": 30}


def test_an_applications_own_handler_decides(quiet: Logged) -> None:
    quiet.get("/fastapi/handler/errors")
    assert quiet.find(".*writes errors$") == ["a handler for errors writes errors"]
    assert "does not write errors" not in quiet.server.output


def test_basic_config_has_its_usual_effect_in_each_worker() -> None:
    env = {"GATEWAY_ENV": "production", "GATEWAY_ALLOWED_HOSTS": "127.0.0.1"}
    with serving("--workers", "2", mounts={"/shop": "chatty:app"}, env=env) as logged:
        logged.fail("/shop/fail", "failed")
        logged.get("/shop/", "last")
        assert len(logged.find("chatty INFO shop request last$")) == 1
        assert len(logged.find("chatty INFO shop request failed$")) == 1
        lines = logged.find('{"ts.*"exc".*}$')
        assert "chatty ERROR" not in logged.server.output
    (record,) = map(json.loads, lines)
    assert record["request_id"] == "failed"
    assert record["logger"] == "framework_gateway"
    assert record["exc"].endswith("RuntimeError: sold out")


def test_an_applications_own_format_has_the_request_id() -> None:
    with serving(mounts={"/shop": "configured:app"}) as logged:
        logged.get("/shop/", "abc")
        assert logged.find(".*the shop is open$") == ["INFO [abc] the shop is open"]


def test_the_documented_configuration_is_the_one_that_is_tested() -> None:
    source = (ROOT / HERE.replace(".", "/") / "configured.py").read_text()
    example = source[source.index("LOGGING = ") : source.index("\n\n\ndef app")]
    assert example in (ROOT / "docs/operations.md").read_text()


def test_compare_logs_the_errors_of_applications_that_configure_logging() -> None:
    targets = ["--target", f"a={HERE}.hostile:app", "--target", f"b={HERE}.hostile:app"]
    result = run("gateway", "compare", "/after", "-H", "X-Request-ID: abc", *targets)
    assert result.returncode == 0, result.stderr
    heads = re.findall(r"^\S+ \S+ ERROR framework_gateway .* in [ab]$", result.stderr, re.MULTILINE)
    assert len(heads) == 2
    assert result.stderr.count("boom abc") == 2
