"""FastMCP's own client: calls the server's tool and prints what it gets, as JSON."""

import asyncio
import json
import sys
from typing import Any

from fastmcp import Client

progress: list[list[float | None]] = []


async def note(done: float, total: float | None, _message: str | None) -> None:
    progress.append([done, total])


async def main(address: str) -> None:
    async with Client(address, progress_handler=note) as client:
        tools = [tool.name for tool in await client.list_tools()]
        results: list[Any] = []
        for name in ("Ann", "Bob"):
            results.append((await client.call_tool("greet", {"name": name})).data)
        print(json.dumps({"tools": tools, "results": results, "progress": progress}))


asyncio.run(main(sys.argv[1]))
