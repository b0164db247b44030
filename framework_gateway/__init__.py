"""A gateway for WSGI and ASGI applications: mount them, compare them, and migrate between them.

Each name below is imported on first use (PEP 562). Importing the server takes half a second, and
``gateway --help`` does not need it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from framework_gateway.app import Gateway
    from framework_gateway.compare.comparer import comparing
    from framework_gateway.config import Config
    from framework_gateway.migrate.move import Move
    from framework_gateway.mounts.mount import Mount
    from framework_gateway.mounts.routing import Mounts
    from framework_gateway.mounts.starting import run_lifespans
    from framework_gateway.observability.logs import AddRequestID
    from framework_gateway.processes.options import Process
    from framework_gateway.security.identity import Admission
    from framework_gateway.wsgi.middleware import RECORD, WSGIMiddleware
    from framework_gateway.wsgi.threads import set_switch_interval

__all__ = [
    "RECORD",
    "AddRequestID",
    "Admission",
    "Config",
    "Gateway",
    "Mount",
    "Mounts",
    "Move",
    "Process",
    "WSGIMiddleware",
    "comparing",
    "run_lifespans",
    "set_switch_interval",
]

MODULES = {
    "Gateway": "app",
    "Config": "config",
    "comparing": "compare.comparer",
    "Move": "migrate.move",
    "Mount": "mounts.mount",
    "Mounts": "mounts.routing",
    "run_lifespans": "mounts.starting",
    "AddRequestID": "observability.logs",
    "Process": "processes.options",
    "Admission": "security.identity",
    **dict.fromkeys(("RECORD", "WSGIMiddleware"), "wsgi.middleware"),
    "set_switch_interval": "wsgi.threads",
}


def __getattr__(name: str) -> Any:
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{MODULES[name]}"), name)
