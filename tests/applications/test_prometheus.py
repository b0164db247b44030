"""prometheus_client's own applications, and that their metrics are not the gateway's."""

from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.applications.comparing import assert_alike, replacing
from tests.applications.environment import Addresses, both, on_gunicorn, on_uvicorn

pytestmark = pytest.mark.slow

WSGI = on_gunicorn("/shop", "metrics:wsgi")
ASGI = on_uvicorn("/shop", "metrics:asgi")
# What each process measures of itself.
CLEAN = replacing(r"(?m)^(# \w+ )?(process|python)_.*\n", r"things_sold_created .*")


@pytest.fixture(scope="module", params=[WSGI, ASGI], ids=["wsgi", "asgi"])
def metrics(request: pytest.FixtureRequest, data: Path) -> Iterator[Addresses]:
    with both(request.param, data) as addresses:
        yield addresses


OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}


@pytest.mark.parametrize("headers", [{}, OPENMETRICS], ids=["text", "openmetrics"])
def test_a_scrape(metrics: Addresses, headers: dict[str, str]) -> None:
    answer = assert_alike(metrics, "GET", "/", headers=headers, clean=CLEAN, but={"content-length"})
    assert "things_sold_total 3.0" in answer.text
    assert_alike(metrics, "GET", "/?name[]=things_sold_total", clean=CLEAN, but={"content-length"})
    assert_alike(metrics, "OPTIONS", "/", clean=CLEAN, but={"content-length"})


def test_its_metrics_are_not_the_gateways(metrics: Addresses) -> None:
    own = httpx.get(f"{metrics.gateway.rpartition('/')[0]}/metrics").text
    assert "http_request_duration_seconds" in own
    assert "things_sold" not in own
    assert "http_request_duration_seconds" not in httpx.get(f"{metrics.gateway}/").text
