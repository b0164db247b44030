"""OpenTelemetry spans: the gateway's for each request, and within it one of the request's mount.

Names and attributes are those of the semantic conventions for HTTP spans. Imported only where
spans are wanted; the SDK and the exporter are the extra ``otel``.
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
from framework_gateway.observability.observed import METHODS, NOTHING, STARTS, matched_route
from framework_gateway.wsgi.middleware import RECORD

PROPAGATED = {name.encode() for name in propagate.get_global_textmap().fields}
LAST_SPANS = 1.5  # seconds for their export when the process ends


class Tracing(AbstractAsyncContextManager["Tracing"]):
    """This process's spans on their way, by OTLP over HTTP, as the variables ``OTEL_*`` say.

    Leaving it sends the last of them, unless the collector takes too long.
    """

    def __init__(self) -> None:
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        trace.set_tracer_provider(self.provider)

    def around(self, app: ASGIApp, mount: str = "") -> "Traced":
        """Return the application with spans."""
        return Traced(app, self.provider.get_tracer("bridge"), mount)

    async def __aexit__(self, *_error: object) -> None:
        # A daemon: the SDK would keep the process for half a minute when nobody answers.
        thread = threading.Thread(target=self.provider.shutdown, daemon=True)
        thread.start()
        await asyncio.to_thread(thread.join, LAST_SPANS)


class Traced:
    """ASGI middleware that makes a span of each request.

    Around the gateway, it continues the trace that the request's headers name (W3C Trace Context),
    else begins one; around a mount, it makes a child of the gateway's. The headers that the
    application sees name the new span, as if another server had sent the request, so that an
    application that makes spans of its own continues there.

    Args:
        app: the application.
        tracer: makes the spans.
        mount: the mount's name; none for the gateway.
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

            async def send_and_note(message: Message) -> None:
                if message["type"] in STARTS:
                    note_status(span, message.get("status") or STARTS[message["type"]])
                await send(message)

            try:
                await self.app(scope, receive, send_and_note)
            finally:
                if not self.mount and scope.get("client"):
                    # Only now: a proxy may have said who it is.
                    span.set_attribute("client.address", scope["client"][0])
                if route := matched_route(scope, scope.get(RECORD, NOTHING)):
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
    """Return what is known of a request when it comes; not its query, where tokens may stand."""
    return {
        "http.request.method": method,
        "url.path": scope["path"],
        "url.scheme": scope.get("scheme", "http"),
        "network.protocol.version": scope["http_version"],
    }


def note_status(span: Span, status: int) -> None:
    """Note an answer's status; for servers, only 5xx is an error."""
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_attribute("error.type", str(status))
        span.set_status(StatusCode.ERROR)
