"""All log records of the process have the same format, with the id of the request."""

import json
import logging
import re
from collections.abc import Iterator

import httpx2 as httpx
import pytest

from framework_gateway.observability.logs import AddRequestID, JSONFormatter
from framework_gateway.observability.request_id import request_id
from tests.databases import free_port
from tests.server.applications import SECRET
from tests.servers import Server, serve
from tests.wsgi.server import wait_until

FAILING = "tests.server.applications"
LOGGERS = {
    "/flask-fails/fail": FAILING,  # Flask names its logger after the application
    "/fastapi-fails/fail": "framework_gateway",  # FastAPI lets the server log
    "/django-fails/fail": "django.request",
}


@pytest.fixture(scope="module")
def origin() -> str:
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def server(migrated: object, origin: str) -> Iterator[Server]:
    port = origin.rpartition(":")[2]
    command = ["gateway", "--port", port]
    for name in ("flask", "fastapi", "django"):
        command += ["--mount", f"/{name}-fails={FAILING}:{name}"]
    with serve(*command, origin=origin, path="/health/live") as server:
        yield server


@pytest.mark.parametrize("path", LOGGERS)
def test_records_of_each_framework_have_the_request_id(
    server: Server, origin: str, path: str
) -> None:
    request_id = "id" + re.sub("[^a-z]", "-", path)
    response = httpx.get(origin + path, headers={"X-Request-ID": request_id})
    assert response.status_code == 500
    assert SECRET not in response.text
    heads = re.compile(rf"^\S+ \S+ ERROR {LOGGERS[path]} \[{request_id}\] .*$", re.MULTILINE)
    wait_until(lambda: heads.search(server.output))
    (head,) = heads.finditer(server.output)
    assert server.output[head.end() :].startswith("\nTraceback (most recent call last):\n")


def test_a_record_can_be_json() -> None:
    logger = logging.Logger("shop")
    try:
        raise RuntimeError("sold out")
    except RuntimeError as error:
        exc_info = (RuntimeError, error, error.__traceback__)
    token = request_id.set("abc")
    record = logger.makeRecord("shop", 40, __file__, 1, "no %s\n", ("tea",), exc_info)
    line = JSONFormatter().format(record)
    request_id.reset(token)
    document = json.loads(line)
    assert "\n" not in line
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", document.pop("ts"))
    assert document.pop("exc").endswith("RuntimeError: sold out")
    assert document == {
        "level": "ERROR",
        "logger": "shop",
        "message": "no tea\n",
        "request_id": "abc",
    }


def test_a_record_outside_a_request_has_no_id() -> None:
    record = logging.makeLogRecord({"msg": "started"})
    assert AddRequestID().filter(record)
    assert vars(record)["request_id"] == "-"
    assert json.loads(JSONFormatter().format(record))["request_id"] is None


def test_a_record_keeps_its_id_in_another_thread() -> None:
    record = logging.makeLogRecord({"msg": "from a queue", "request_id": "abc"})
    assert AddRequestID().filter(record)
    assert vars(record)["request_id"] == "abc"
    assert json.loads(JSONFormatter().format(record))["request_id"] == "abc"
