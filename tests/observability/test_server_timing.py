"""Server-Timing: the parts of a request's time, for the browser's developer tools."""

import re

from starlette.responses import Response

from tests.conftest import Api
from tests.gateways import seen

NUMBER = r"\d+\.\d\d"
WSGI = rf"queue;dur=({NUMBER}), run;dur=({NUMBER}), total;dur=({NUMBER})"
EXPECTED = {"flask": WSGI, "fastapi": rf"total;dur=({NUMBER})", "django": WSGI}


def test_the_header_contains_the_times_known_at_the_start_of_the_response(api: Api) -> None:
    timing = api.get("/api/wait?ms=30").headers["Server-Timing"]
    match = re.fullmatch(EXPECTED[api.framework], timing)
    assert match, timing
    total = float(match[match.lastindex or 1])
    assert total >= 30
    if api.framework != "fastapi":
        queued, ran = float(match[1]), float(match[2])
        assert ran >= 30
        assert queued + ran <= total + 0.02  # the header's values are rounded


def test_an_applications_own_server_timing_is_kept() -> None:
    async def app(scope, receive, send):  # type: ignore[no-untyped-def]
        if scope["type"] == "http":
            await Response(headers={"Server-Timing": "db;dur=1"})(scope, receive, send)

    with seen({"/app": app}) as gateway:
        values = gateway.client.get("/app").headers.get_list("Server-Timing")
    assert values[0] == "db;dur=1"
    assert len(values) == 2
