"""The Routes page: every path that the mounted applications serve."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from framework_gateway.mounts.mount import Mount
from framework_gateway.observability.endpoints import Endpoint

Document = dict[str, Any]


def tables_of(
    mounts: Sequence[Mount], endpoints: Mapping[str, Sequence[Endpoint]]
) -> list[Document]:
    """Return a table for each mount.

    Args:
        mounts: the mounts.
        endpoints: those of each mount, by prefix.

    Returns:
        ``[{"prefix", "title", "failure", "routes": [{"path", "methods", "summary", "link",
        "documentation"}]}]``
    """
    return [
        {
            "prefix": mount.path,
            "title": title_of(mount),
            "failure": mount.failure,
            "routes": routes_of(mount, endpoints[mount.path]),
        }
        for mount in mounts
    ]


def routes_of(mount: Mount, endpoints: Sequence[Endpoint]) -> list[Document]:
    """Return a row for each path."""
    paths: dict[str, list[Endpoint]] = defaultdict(list)
    for endpoint in endpoints:
        paths[endpoint.path].append(endpoint)
    return [describe_path(mount, path, found) for path, found in paths.items()]


def describe_path(mount: Mount, path: str, endpoints: Sequence[Endpoint]) -> Document:
    """Return one row."""
    methods = [method for endpoint in endpoints for method in endpoint.methods]
    described = next((one.documentation for one in endpoints if one.documentation), None)
    can_open = "{" not in path and (not methods or "GET" in methods)
    return {
        "path": mount.path + path,
        "methods": methods,
        "summary": endpoints[0].summary,
        "link": mount.path + path if can_open else None,
        "documentation": described and mount.path + described,
    }


def title_of(mount: Mount) -> str:
    """Return the framework's name if the prefix is one, else the prefix without its slash."""
    name = mount.path.strip("/")
    return {"flask": "Flask", "fastapi": "FastAPI", "django": "Django"}.get(name, name or "/")
