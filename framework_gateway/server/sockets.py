"""uvicorn's WebSocket connection, with a limit of frames per second."""

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode

BURST = 2.0  # seconds of unused rate that a client may use at once
SLICE_SIZE = 4096  # bytes parsed at a time; parsing stops after a refusal
MAX_EARLY = 64 * 1024  # bytes that a client may send before the application has accepted


class WebSocketConnection(WebSocketsSansIOProtocol):
    """One WebSocket connection.

    uvicorn's own options limit the message size (``ws_max_size``, then close code 1009) and set
    compression. This class limits the rate of frames, including pings and empty fragments, because
    each frame costs time however small it is. A client that sends too many is disconnected with
    1008 (RFC 6455, 7.4.1).
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.rate: float = self.config.limits.socket_rate  # type: ignore[attr-defined]
        self.allowance = BURST * self.rate
        self.counted_at = self.loop.time()
        self.is_refused = False
        self.early = b""

    def data_received(self, data: bytes) -> None:
        if self.handshake_initiated and not self.handshake_complete:
            # A client must not send frames yet (RFC 6455, 4.1), and websockets cannot refuse them.
            self.early += data
            if len(self.early) > MAX_EARLY:
                self.transport.abort()
            return
        for position in range(0, len(data), SLICE_SIZE):
            if not self.is_refused:
                super().data_received(data[position : position + SLICE_SIZE])

    async def send(self, message: Any) -> None:
        await super().send(message)
        if self.early and self.handshake_complete and not self.transport.is_closing():
            early, self.early = self.early, b""
            self.data_received(early)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body"):
            # Otherwise uvicorn logs a refused handshake as a missing response.
            self.handshake_complete = True

    def handle_text(self, event: Any) -> None:
        if self._count_frame():
            super().handle_text(event)

    def handle_bytes(self, event: Any) -> None:
        if self._count_frame():
            super().handle_bytes(event)

    def handle_cont(self, event: Any) -> None:
        if self._count_frame():
            super().handle_cont(event)

    def handle_ping(self) -> None:
        if self._count_frame():
            super().handle_ping()

    def handle_pong(self, event: Any) -> None:
        if self._count_frame():
            super().handle_pong(event)

    def _count_frame(self) -> bool:
        """Count a frame; return False, and close the connection, if there were too many."""
        now = self.loop.time()
        refilled = self.allowance + (now - self.counted_at) * self.rate
        self.allowance, self.counted_at = min(BURST * self.rate, refilled) - 1, now
        if self.allowance < 0 and not self.is_refused:
            self._refuse()
        return not self.is_refused

    def _refuse(self) -> None:
        self.is_refused = self.close_sent = True
        code = CloseCode.POLICY_VIOLATION
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code})
        self.conn.fail(code, "too many messages")
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.transport.close()
