"""The private parts of other packages that this project relies on.

Each of these packages has an upper bound in pyproject.toml. Raise the bound together with the lock,
and look here first if something fails.
"""

import inspect
import tomllib
from importlib import import_module
from importlib.metadata import version
from typing import Any

import pytest
from packaging.requirements import Requirement

from framework_gateway.observability.multiprocess import Counter, Gauge, Histogram
from framework_gateway.server.protocol import Connection
from framework_gateway.server.server import Server
from framework_gateway.server.sockets import WebSocketConnection
from framework_gateway.wsgi.middleware import WSGIMiddleware
from tests.servers import ROOT

HTTP = "uvicorn.protocols.http.httptools_impl"
SOCKETS = "uvicorn.protocols.websockets.websockets_sansio_impl"

# The package, the module that relies on it, the place of the private part, and the names in it.
PARTS = [
    ("uvicorn", "server/response_heads.py", HTTP, ["HEADER_RE", "STATUS_LINE"]),
    (
        "uvicorn",
        "server/protocol.py",
        f"{HTTP}:HttpToolsProtocol",
        [
            *("_unset_keepalive_if_required", "_should_upgrade", "_should_upgrade_to_ws"),
            *("_start_asgi_task", "handle_websocket_upgrade", "on_response_complete"),
        ],
    ),
    (
        "uvicorn",
        "server/protocol.py",
        f"{HTTP}:HttpToolsProtocol.__init__",
        [
            *("parser", "cycle", "headers", "scope", "pipeline", "flow", "transport"),
            *("loop", "connections", "server_state", "expect_100_continue", "app_state"),
        ],
    ),
    (
        "uvicorn",
        "server/response_heads.py",
        f"{HTTP}:RequestResponseCycle.__init__",
        [
            *("response_started", "response_complete", "disconnected", "chunked_encoding"),
            *("expected_content_length", "keep_alive", "waiting_for_100_continue", "flow"),
            *("default_headers", "access_log", "transport", "more_body", "body"),
        ],
    ),
    ("uvicorn", "server/sockets.py", f"{SOCKETS}:WebSocketsSansIOProtocol", ["handle_ping"]),
    (
        "uvicorn",
        "server/sockets.py",
        f"{SOCKETS}:WebSocketsSansIOProtocol.__init__",
        ["handshake_initiated", "handshake_complete"],
    ),
    (
        "uvicorn",
        "server/server.py",
        "uvicorn:Server",
        ["startup", "shutdown", "on_tick", "handle_exit"],
    ),
    (
        "httptools",
        "server/protocol.py",
        "httptools:HttpRequestParser",
        ["set_dangerous_leniencies", "should_upgrade", "get_http_version", "feed_data"],
    ),
    ("a2wsgi", "wsgi/environ.py", "a2wsgi.wsgi", ["build_environ"]),
    ("anyio", "mounts/threads.py", "anyio._backends._asyncio", ["CapacityLimiter"]),
    ("anyio", "mounts/event_loop.py", "anyio._backends._asyncio", ["_default_thread_limiter"]),
    ("starlette", "app.py", "starlette.applications:Starlette", ["build_middleware_stack"]),
    *(
        ("prometheus-client", "observability/multiprocess.py", f"prometheus_client.{place}", names)
        for place, names in [
            ("values", ["MutexValue"]),
            ("mmap_dict", ["MmapedDict", "mmap_key"]),
            ("mmap_dict:MmapedDict", ["read_value", "write_value"]),
            (
                "metrics:MetricWrapperBase.__init__",
                [
                    *("_type", "_name", "_labelnames", "_labelvalues", "_documentation"),
                    *("_kwargs", "_metric_init"),
                ],
            ),
            ("metrics:Counter._metric_init", ["_value", "_created"]),
            ("metrics:Gauge._metric_init", ["_value", "_multiprocess_mode"]),
            ("metrics:Histogram._metric_init", ["_sum", "_buckets", "_upper_bounds", "_created"]),
        ]
    ),
    ("fastapi", "observability/routes.py", "fastapi.routing", ["iter_route_contexts"]),
    (
        "fastapi",
        "observability/routes.py",
        "fastapi.routing:_EffectiveRouteContext.__init__",
        ["original_route", "path"],
    ),
]


def find(place: str) -> Any:
    """Return the object at ``package.module:attribute.attribute``."""
    name, _, path = place.partition(":")
    found: Any = import_module(name)
    for part in filter(None, path.split(".")):
        found = getattr(found, part)
    return found


def has(found: Any, name: str) -> bool:
    """Return whether an object has an attribute, or its constructor sets it."""
    if inspect.isfunction(found):
        return name in found.__code__.co_names
    return hasattr(found, name)


@pytest.mark.parametrize(("package", "module", "place", "names"), PARTS)
def test_private_parts_exist(package: str, module: str, place: str, names: list[str]) -> None:
    missing = [name for name in names if not has(find(place), name)]
    assert not missing, (
        f"{package} {version(package)}: {place} no longer has {', '.join(missing)};"
        f" framework_gateway/{module} relies on it"
    )


OVERRIDES = [Connection, WebSocketConnection, Server, WSGIMiddleware, Counter, Gauge, Histogram]


@pytest.mark.parametrize("subclass", OVERRIDES, ids=lambda cls: cls.__name__)
def test_overridden_methods_have_the_same_parameters(subclass: type) -> None:
    base = subclass.__mro__[1]
    for name, method in vars(subclass).items():
        original = getattr(base, name, None)
        if name.startswith("__") or not inspect.isfunction(method) or original is None:
            continue
        own, others = ([*inspect.signature(one).parameters] for one in (method, original))
        assert len(own) == len(others), (
            f"{base.__module__}.{base.__name__}.{name} takes {others},"
            f" and {subclass.__module__} overrides it with {own}"
        )


def test_each_package_has_an_upper_bound() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = project["dependencies"] + project["optional-dependencies"]["showdown"]
    requirements = {one.name: one for one in map(Requirement, lines)}
    for package in {part[0] for part in PARTS}:
        bounds = {bound.operator for bound in requirements[package].specifier}
        assert "<" in bounds, f"{package} has no upper bound in pyproject.toml"
        assert version(package) in requirements[package].specifier


def test_each_listed_module_uses_the_listed_names() -> None:
    for _, module, place, names in PARTS:
        source = (ROOT / "framework_gateway" / module).read_text()
        inherited = place.endswith(("HttpToolsProtocol.__init__", "RequestResponseCycle.__init__"))
        for name in names:
            assert name in source or inherited, f"{module} does not use {name}"
