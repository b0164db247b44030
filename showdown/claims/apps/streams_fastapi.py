"""Streams and WebSockets in FastAPI: each is a suspended coroutine."""

import asyncio
from collections.abc import AsyncIterator

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from fastapi.responses import StreamingResponse

app = FastAPI(openapi_url=None)


@app.get("/api/hello")
async def hello() -> dict[str, str]:
    return {"message": "Hello, World!"}


async def ticks() -> AsyncIterator[str]:
    for _ in range(20):
        yield "tick\n"
        # The pause keeps the stream open.
        await asyncio.sleep(0.5)


@app.get("/stream")
async def stream() -> StreamingResponse:
    return StreamingResponse(ticks(), media_type="text/plain")


@app.websocket("/ws")
async def socket(websocket: WebSocket) -> None:
    await websocket.accept()
    try:
        await websocket.send_text("tick")
        await websocket.receive()
    except WebSocketDisconnect:
        return
