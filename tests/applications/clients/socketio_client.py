"""python-socketio's own client: two of them talk, and it prints what they got, as JSON."""

import asyncio
import json
import sys
from typing import Any

import socketio

PATIENCE = 20


async def main(origin: str, path: str, transport: str) -> None:
    speaker, listener = socketio.AsyncClient(), socketio.AsyncClient()
    heard: asyncio.Queue[Any] = asyncio.Queue()
    welcome: asyncio.Queue[Any] = asyncio.Queue()
    listener.on("heard", heard.put)
    listener.on("welcome", welcome.put)
    for client in (listener, speaker):
        await client.connect(origin, socketio_path=path, transports=[transport])
    try:
        async with asyncio.timeout(PATIENCE):
            found = {
                "transport": speaker.transport(),
                "welcome": await welcome.get(),
                "answer": await speaker.call("shout", "hello"),
                "heard": await heard.get(),
                "blob": (await speaker.call("blob", bytes(range(256)))).hex(),
                "long": len(await speaker.call("blob", b"x" * 50_000)),
            }
    finally:
        for client in (listener, speaker):
            # Without a farewell: over long polling, that waits for pings to fail.
            await client.eio.disconnect(abort=True)
    print(json.dumps(found))


asyncio.run(main(*sys.argv[1:]))
