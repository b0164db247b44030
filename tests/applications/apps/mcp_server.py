"""An MCP server: streamable HTTP, and the older transport by server-sent events."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastmcp import Context, FastMCP


@asynccontextmanager
async def lifespan(_server: Any) -> AsyncIterator[dict[str, str]]:
    yield {"greeting": "Hello"}


server: Any = FastMCP("greeter", lifespan=lifespan)


@server.tool
async def greet(name: str, context: Context) -> str:
    """Greet, after a report of progress."""
    await context.report_progress(1, 2)
    greeting = context.lifespan_context["greeting"]
    return f"{greeting} {name}"


app = server.http_app(path="/mcp")
sse = server.http_app(path="/sse", transport="sse")
