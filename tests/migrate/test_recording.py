"""What is kept of a request and its response for a shadow, and for the fallback."""

import asyncio
from collections.abc import Sequence

import pytest
from starlette.types import Message

from framework_gateway.migrate.recording import (
    Budget,
    Loss,
    RecordedRequest,
    RecordedResponse,
    Tape,
)


def received_again(messages: Sequence[Message]) -> list[Message]:
    """Return what a second application receives after a first one has received all messages."""
    waiting = [*messages]

    async def receive() -> Message:
        if not waiting:
            await asyncio.Event().wait()  # as a server whose client stays
        return waiting.pop(0)

    async def run() -> list[Message]:
        request = RecordedRequest(receive, Tape(Budget(1000), 100), False)
        for _ in messages:
            await request.receive()
        async with asyncio.timeout(10):
            return [await request.again()()]

    return asyncio.run(run())


@pytest.mark.parametrize("parts", [[b""], [b"one"], [b"one", b" two"]])
def test_a_body_is_received_again_even_if_it_is_empty(parts: list[bytes]) -> None:
    messages: list[Message] = [
        {"type": "http.request", "body": part, "more_body": number < len(parts)}
        for number, part in enumerate(parts, 1)
    ]
    whole = {"type": "http.request", "body": b"".join(parts), "more_body": False}
    assert received_again(messages) == [whole]


def test_a_stream_of_events_keeps_no_memory() -> None:
    budget = Budget(1000)

    async def send(_message: Message) -> None:
        """Take it."""

    async def run() -> RecordedResponse:
        response = RecordedResponse(send, Tape(budget, 100), lambda: None)
        headers = [(b"Content-Type", b"text/event-stream; charset=utf-8")]
        await response.send({"type": "http.response.start", "status": 200, "headers": headers})
        await response.send({"type": "http.response.body", "body": b"data", "more_body": True})
        return response

    assert asyncio.run(run()).tape.loss is Loss.TOO_LARGE
    assert budget.free == 1000
