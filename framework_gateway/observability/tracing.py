"""OpenTelemetry tracing: one span of the gateway for each request, and one of its mount within.

Names and attributes follow the semantic conventions for HTTP spans. Import this module only if
tracing is enabled; it needs the extra ``otel`` with the SDK and the exporter.
"""

import asyncio
import threading
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any

from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from framework_gateway.mounts.mount import MOUNT
from framework_gateway.observability.observed import EMPTY_RECORD, METHODS, STARTS
from framework_gateway.observability.routes import matched_route
from framework_gateway.wsgi.middleware import RECORD

PROPAGATED = {name.encode() for name in propagate.get_global_textmap().fields}
EXPORT_TIMEOUT = 1.5  # seconds to export the last spans when the process ends


class Tracing(AbstractAsyncContextManager["Tracing"]):
    """Exports the spans of this process by OTLP over HTTP; configured by the variables ``OTEL_*``.

    On exit, it exports the last spans, unless the collector takes too long.
    """

    def __init__(self) -> None:
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        trace.set_tracer_provider(self.provider)

    def wrap(self, app: ASGIApp, mount: str = "") -> "Traced":
        """Wrap an application in tracing middleware."""
        return Traced(app, self.provider.get_tracer("bridge"), mount)

    async def __aexit__(self, *_error: object) -> None:
        # A daemon thread; the SDK would wait half a minute for a collector that does not answer.
        thread = threading.Thread(target=self.provider.shutdown, daemon=True)
        thread.start()
        await asyncio.to_thread(thread.join, EXPORT_TIMEOUT)


class Traced:
    """ASGI middleware that creates a span for each request.

    Around the gateway, it continues the trace in the request's headers (W3C Trace Context), or
    starts a new one. Around a mount, it creates a child of the gateway's span. It writes the new
    span into the request's headers, so that an application with its own tracing continues the
    trace.

    Args:
        app: the application.
        tracer: creates the spans.
        mount: the name of the mount; "" for the gateway.
    """

    def __init__(self, app: ASGIApp, tracer: trace.Tracer, mount: str = "") -> None:
        self.app = app
        self.tracer = tracer
        self.mount = mount

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        method = scope.get("method", "GET")
        method = method if method in METHODS else "_OTHER"
        with self._start(scope, method) as span:
            headers = [header for header in scope["headers"] if header[0] not in PROPAGATED]
            carrier: dict[str, str] = {}
            propagate.inject(carrier)
            headers += [(name.encode(), value.encode()) for name, value in carrier.items()]
            scope["headers"] = headers

            async def send_and_record(message: Message) -> None:
                if message["type"] in STARTS:
                    record_status(span, message.get("status") or STARTS[message["type"]])
                await send(message)

            try:
                await self.app(scope, receive, send_and_record)
            finally:
                if not self.mount and scope.get("client"):
                    # Only now, because Proxies may have changed it.
                    span.set_attribute("client.address", scope["client"][0])
                if route := matched_route(scope, scope.get(RECORD, EMPTY_RECORD)):
                    route = scope.get(MOUNT, "") + route
                    span.set_attribute("http.route", route)
                    span.update_name(f"{self.mount} {method} {route}".lstrip())

    def _start(self, scope: Scope, method: str) -> AbstractContextManager[Span]:
        if self.mount:
            name = f"{self.mount} {method}"
            return self.tracer.start_as_current_span(name, attributes={"app.mount": self.mount})
        carrier = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        return self.tracer.start_as_current_span(
            method,
            context=propagate.extract(carrier),
            kind=SpanKind.SERVER,
            attributes=server_attributes(scope, method),
        )


def server_attributes(scope: Scope, method: str) -> dict[str, Any]:
    """Return the span attributes of a request; without its query, which may contain tokens."""
    return {
        "http.request.method": method,
        "url.path": scope["path"],
        "url.scheme": scope.get("scheme", "http"),
        "network.protocol.version": scope["http_version"],
    }


def record_status(span: Span, status: int) -> None:
    """Record the status of a response; for server spans, only 5xx is an error."""
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_attribute("error.type", str(status))
        span.set_status(StatusCode.ERROR)
