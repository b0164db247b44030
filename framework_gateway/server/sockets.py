"""uvicorn's WebSocket connection with a limit of frames a second."""

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode

SAVED = 2.0  # seconds of frames that a client may have saved up
SLICE = 4096  # bytes that are parsed before the frames in them are counted


class Socket(WebSocketsSansIOProtocol):
    """One WebSocket of a client.

    uvicorn's own options bound a message (``ws_max_size``; beyond it, 1009) and compression. Frames
    are bounded here, pings and the empty pieces of a message among them: many small ones cost more
    than their size says. A client that sends too many is disconnected with 1008 (RFC 6455, 7.4.1).
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.rate: float = self.config.limits.socket_rate  # type: ignore[attr-defined]
        self.room = SAVED * self.rate
        self.counted_at = self.loop.time()
        self.is_refused = False

    def data_received(self, data: bytes) -> None:
        for position in range(0, len(data), SLICE):
            if not self.is_refused:
                super().data_received(data[position : position + SLICE])

    async def send(self, message: Any) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body"):
            # uvicorn would log an application that has refused as one that has not answered.
            self.handshake_complete = True

    def handle_text(self, event: Any) -> None:
        if self._take_frame():
            super().handle_text(event)

    def handle_bytes(self, event: Any) -> None:
        if self._take_frame():
            super().handle_bytes(event)

    def handle_cont(self, event: Any) -> None:
        if self._take_frame():
            super().handle_cont(event)

    def handle_ping(self) -> None:
        if self._take_frame():
            super().handle_ping()

    def handle_pong(self, event: Any) -> None:
        if self._take_frame():
            super().handle_pong(event)

    def _take_frame(self) -> bool:
        """Count a frame; end the connection, and return False, when there were too many."""
        now = self.loop.time()
        saved = self.room + (now - self.counted_at) * self.rate
        self.room, self.counted_at = min(SAVED * self.rate, saved) - 1, now
        if self.room < 0 and not self.is_refused:
            self._refuse()
        return not self.is_refused

    def _refuse(self) -> None:
        self.is_refused = self.close_sent = True
        code = CloseCode.POLICY_VIOLATION
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code})
        self.conn.fail(code, "too many messages")
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.transport.close()
