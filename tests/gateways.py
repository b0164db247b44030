"""Gateways for a single test, in its process."""

import asyncio
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.testclient import TestClient

from contract.problems import MEDIA_TYPE, Problem
from contract.settings import get_settings
from framework_gateway import Gateway
from framework_gateway.config import get_config
from framework_gateway.observability.access_log import AccessLog, as_json
from tests.wsgi.server import wait_until


class Seen:
    """A gateway, its access log and its metrics."""

    def __init__(self, client: TestClient, stream: io.StringIO) -> None:
        self.client = client
        self.stream = stream

    def line(self, request_id: str) -> dict[str, Any]:
        """Return the access line of a request, as soon as it is written."""
        found: list[dict[str, Any]] = []

        def look() -> bool:
            lines = [json.loads(line) for line in self.stream.getvalue().splitlines()]
            found[:] = [line for line in lines if line["request_id"] == request_id]
            return bool(found)

        wait_until(look)
        (line,) = found
        return line

    def metric(self, name: str, **labels: str) -> float:
        """Return the sum of a metric over all series with these labels."""
        return total(self.client.get("/metrics").text, name, **labels)


def total(text: str, name: str, **labels: str) -> float:
    """Return the sum of a metric over all series with these labels."""
    samples = [
        sample for family in text_string_to_metric_families(text) for sample in family.samples
    ]
    return sum(
        sample.value
        for sample in samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def compose(
    applications: Mapping[str, Any] | None = None,
    access_log: AccessLog | None = None,
    **options: Any,
) -> Gateway:
    """Compose a gateway; options are settings of the API, of the gateway, or of both."""
    from gateway import create_app

    settings = get_settings().model_copy(update=options)
    app = create_app(settings, applications, get_config().model_copy(update=options))
    app.access_log = access_log
    return app


@contextmanager
def seen(mounts: Mapping[str, Any] | None = None, **settings: Any) -> Iterator[Seen]:
    """Run a gateway until the block ends, with the three frameworks or other applications."""
    stream = io.StringIO()
    app = compose(mounts, AccessLog(stream, as_json), **settings)
    with TestClient(app, "http://127.0.0.1", raise_server_exceptions=False) as client:
        yield Seen(client, stream)


async def refuse(_connection: HTTPConnection, error: HTTPException) -> Response:
    """Answer with a problem document, as the gateway does, but after a pause."""
    await asyncio.sleep(0.01)
    problem = Problem(error.status_code)
    return Response(problem.body, problem.status, problem.headers, MEDIA_TYPE)
