"""A FastMCP server, driven by FastMCP's own client: streamable HTTP, and server-sent events."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.applications.comparing import assert_alike
from tests.applications.environment import Addresses, both, drive, on_uvicorn

pytestmark = pytest.mark.slow

FASTMCP = on_uvicorn("/ai", "mcp_server:app")
FASTMCP_SSE = on_uvicorn("/ai", "mcp_server:sse")


@pytest.fixture(scope="module")
def fastmcp(data: Path) -> Iterator[Addresses]:
    with both(FASTMCP, data) as addresses:
        yield addresses


@pytest.fixture(scope="module")
def fastmcp_sse(data: Path) -> Iterator[Addresses]:
    with both(FASTMCP_SSE, data) as addresses:
        yield addresses


def call(address: str) -> object:
    done = drive("mcp_client.py", address)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


EXPECTED = {
    "tools": ["greet"],
    "results": ["Hello Ann", "Hello Bob"],
    "progress": [[1, 2], [1, 2]],
}


def test_a_client_over_streamable_http(fastmcp: Addresses) -> None:
    assert call(f"{fastmcp.gateway}/mcp") == EXPECTED
    assert call(f"{fastmcp.usual}/mcp") == EXPECTED


def test_a_client_over_server_sent_events(fastmcp_sse: Addresses) -> None:
    assert call(f"{fastmcp_sse.gateway}/sse") == EXPECTED
    # uvicorn's root path is in the answer's address, but not in that of the request.
    assert_alike(fastmcp_sse, "POST", "/messages/?session_id=0", content=b"{}")


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
def test_a_request_of_no_client(fastmcp: Addresses, method: str) -> None:
    drawn = {"mcp-session-id"}
    assert_alike(fastmcp, method, "/mcp", but=drawn, json={"nonsense": 1})
    assert_alike(fastmcp, method, "/mcp", but=drawn, headers={"Accept": "application/json"})
