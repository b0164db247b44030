"""OpenTelemetry: one trace through the gateway and each framework, as a collector receives it."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2 as httpx
import pytest
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import (
    InMemorySpanExporter,
)

from tests.conftest import FRAMEWORKS
from tests.databases import PostgreSQL, SQLite, free_port
from tests.servers import SCRIPTS, serve
from tests.wsgi.server import wait_until

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@contextmanager
def collector() -> Iterator[tuple[str, list[Span]]]:
    """Run an OTLP/HTTP collector; yield its URL and the spans that it receives."""
    spans: list[Span] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    spans.extend(scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_args: Any) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", spans
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def attributes(span: Span) -> dict[str, Any]:
    return {
        item.key: getattr(item.value, str(item.value.WhichOneof("value")))
        for item in span.attributes
    }


@pytest.fixture(scope="module")
def spans(migrated: SQLite | PostgreSQL) -> list[Span]:
    """The spans of a server that answered one request for each framework and was stopped."""
    migrated.reset()
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    with collector() as (address, found):
        env = {"GATEWAY_TRACES": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": address}
        command = ("gateway", "--port", port)
        with serve(*command, origin=origin, path="/health/live", env=env) as server:
            for number, name in enumerate(FRAMEWORKS):
                trace_id = f"{number}{TRACE[1:]}"
                headers = {"traceparent": f"00-{trace_id}-{PARENT}-01"}
                httpx.get(f"{origin}/{name}/api/users/99?token=sesame", headers=headers)
            server.terminate()
            server.wait(20)
            assert "Traceback" not in server.output
        return found


def of_trace(spans: list[Span], framework: str) -> list[Span]:
    trace_id = f"{FRAMEWORKS.index(framework)}{TRACE[1:]}"
    return [span for span in spans if span.trace_id.hex() == trace_id]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_one_trace_contains_the_gateway_and_the_framework(
    spans: list[Span], framework: str
) -> None:
    found = of_trace(spans, framework)
    (outer,) = (span for span in found if span.parent_span_id.hex() == PARENT)
    (inner,) = (span for span in found if span.parent_span_id == outer.span_id)
    route = f"/{framework}/api/users/{{user_id}}"
    assert (outer.name, outer.kind) == (f"GET {route}", Span.SPAN_KIND_SERVER)
    assert (inner.name, inner.kind) == (f"{framework} GET {route}", Span.SPAN_KIND_INTERNAL)
    assert attributes(outer) == {
        "http.request.method": "GET",
        "http.response.status_code": 404,
        "http.route": route,
        "url.path": f"/{framework}/api/users/99",
        "url.scheme": "http",
        "client.address": "127.0.0.1",
        "network.protocol.version": "1.1",
    }
    assert attributes(inner) == {
        "app.mount": framework,
        "http.response.status_code": 404,
        "http.route": route,
    }
    assert outer.status.code == inner.status.code == Status.STATUS_CODE_UNSET


def test_spans_of_fastapi_are_children_of_the_mounts_span(spans: list[Span]) -> None:
    found = of_trace(spans, "fastapi")
    (mount,) = (span for span in found if span.name.startswith("fastapi "))
    (own,) = (span for span in found if span.parent_span_id == mount.span_id)
    assert own.name == "GET /fastapi/api/users/{user_id}"
    assert [span.name for span in found if span.parent_span_id == own.span_id]


@pytest.fixture
def memory() -> tuple[Any, InMemorySpanExporter]:
    """A tracer provider for this test, and the spans that it exports."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider, exporter


def test_an_applications_own_span_is_a_child_also_in_a_thread(memory: Any) -> None:
    from starlette.testclient import TestClient

    from framework_gateway import WSGIMiddleware
    from framework_gateway.observability.tracing import Traced

    provider, exporter = memory
    tracer = provider.get_tracer("test")

    def wsgi(environ: Any, start_response: Any) -> list[bytes]:
        with tracer.start_as_current_span("own"):
            start_response("503 Service Unavailable", [])
        return [environ["HTTP_TRACEPARENT"].encode()]

    inner = Traced(WSGIMiddleware(wsgi), tracer, "shop")

    async def observed(scope: Any, receive: Any, send: Any) -> None:
        await Traced(inner, tracer)(scope, receive, send)

    answer = TestClient(observed).post("/")
    spans = {span.name: span for span in exporter.get_finished_spans()}
    own, shop, gateway = spans["own"], spans["shop POST"], spans["POST"]
    assert own.parent.span_id == shop.context.span_id
    assert shop.parent.span_id == gateway.context.span_id
    assert gateway.parent is None
    assert answer.text.split("-")[1:3] == [
        f"{shop.context.trace_id:032x}",
        f"{shop.context.span_id:016x}",
    ]
    for span in (shop, gateway):
        assert span.status.status_code is trace.StatusCode.ERROR
        assert span.attributes["error.type"] == "503"


def test_a_span_has_the_templates_of_nested_mounts(memory: Any) -> None:
    from starlette.responses import PlainTextResponse
    from starlette.routing import Mount, Route, Router
    from starlette.testclient import TestClient

    from framework_gateway.observability.tracing import Traced

    provider, exporter = memory
    users = Route("/users/{user_id}", lambda _request: PlainTextResponse("hello"))
    app = Router([Mount("/tenants/{tenant}", routes=[users])])
    TestClient(Traced(app, provider.get_tracer("test"))).get("/tenants/acme/users/1")
    (span,) = exporter.get_finished_spans()
    assert span.name == "GET /tenants/{tenant}/users/{user_id}"
    assert span.attributes["http.route"] == "/tenants/{tenant}/users/{user_id}"


def test_an_unreachable_collector_does_not_delay_the_server() -> None:
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    env = {
        "GATEWAY_TRACES": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}",
    }
    hello = "/app=tests.wsgi.server:hello"
    command = ("gateway", "--port", port, "--only-mounts", "--mount", hello)
    with serve(*command, origin=origin, path="/app/", env=env) as server:
        server.terminate()
        wait_until(lambda: server.poll() is not None)


def test_missing_packages_are_reported_in_one_line() -> None:
    hidden = (
        "import sys; sys.modules['opentelemetry.sdk'] = None;"
        " from framework_gateway.cli.main import main; main()"
    )
    result = subprocess.run(
        [SCRIPTS / "python", "-c", hidden, "serve", "--port", "0"],
        env={"GATEWAY_TRACES": "true", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 1
    assert result.stderr == (
        "GATEWAY_TRACES: install the extra otel: pip install 'framework-gateway[otel]'\n"
    )
