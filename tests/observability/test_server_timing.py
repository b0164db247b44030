"""Server-Timing: where a request's time went, for the browser's own tools."""

import re

from starlette.responses import Response

from tests.conftest import Api
from tests.gateways import seen

NUMBER = r"\d+\.\d\d"
WSGI = rf"queue;dur=({NUMBER}), run;dur=({NUMBER}), total;dur=({NUMBER})"
EXPECTED = {"flask": WSGI, "fastapi": rf"total;dur=({NUMBER})", "django": WSGI}


def test_the_times_that_are_known_when_the_answer_begins(api: Api) -> None:
    timing = api.get("/api/wait?ms=30").headers["Server-Timing"]
    match = re.fullmatch(EXPECTED[api.framework], timing)
    assert match, timing
    total = float(match[match.lastindex or 1])
    assert total >= 30
    if api.framework != "fastapi":
        queued, ran = float(match[1]), float(match[2])
        assert ran >= 30
        assert queued + ran <= total + 0.02  # rounded


def test_an_applications_own_times_stay() -> None:
    async def app(scope, receive, send):  # type: ignore[no-untyped-def]
        if scope["type"] == "http":
            await Response(headers={"Server-Timing": "db;dur=1"})(scope, receive, send)

    with seen({"/app": app}) as gateway:
        values = gateway.client.get("/app").headers.get_list("Server-Timing")
    assert values[0] == "db;dur=1"
    assert len(values) == 2
