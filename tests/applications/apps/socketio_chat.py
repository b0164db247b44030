"""A python-socketio server: long polling and WebSocket.

Its path includes the prefix of the mount, because it does not look at ``root_path``.
"""

from typing import Any

import socketio

# A long poll lasts as long as both together, also when its client has left.
server = socketio.AsyncServer(async_mode="asgi", ping_interval=1, ping_timeout=4)
app = socketio.ASGIApp(server, socketio_path="/chat/socket.io")


@server.event
async def connect(sid: str, _environ: Any, _auth: Any) -> None:
    await server.emit("welcome", "hello", to=sid)


@server.event
async def shout(_sid: str, message: str) -> str:
    await server.emit("heard", message.upper())
    return "done"


@server.event
async def blob(_sid: str, data: bytes) -> bytes:
    return data[::-1]
