"""Import the tracing, whose packages the extra ``otel`` installs."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from framework_gateway.observability.tracing import Tracing


def load_tracing() -> "type[Tracing]":
    """Import the class Tracing, which needs the extra ``otel``.

    Raises:
        SystemExit: the OpenTelemetry packages are not installed.
    """
    try:
        from framework_gateway.observability.tracing import Tracing
    except ImportError:
        raise SystemExit(
            "GATEWAY_TRACES: install the extra otel: pip install 'framework-gateway[otel]'"
        ) from None
    return Tracing
