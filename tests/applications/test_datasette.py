"""Datasette: pages, JSON, streamed CSV, and a root path that it takes from its settings."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.applications.comparing import assert_alike, replacing
from tests.applications.environment import Addresses, both, on_uvicorn

pytestmark = pytest.mark.slow

DATASETTE = on_uvicorn("/data", "datasette_site:app")
CLEAN = replacing(r'"query_ms": [\d.]+', r"Queries took [\d.]+ms")


@pytest.fixture(scope="module")
def datasette(data: Path) -> Iterator[Addresses]:
    with both(DATASETTE, data) as addresses:
        yield addresses


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/shop", "/shop/goods", "/shop/goods/7", "/shop/goods.json?_size=5"),
        *("/shop/goods.csv?_stream=on", "/shop.json?sql=select+count(*)+from+goods"),
        *("/shop/goods?name__contains=99&_sort_desc=id", "/-/static/app.css", "/nothing"),
        *("/shop/nothing", "/shop.db", "/shop?sql=select+nonsense", "/-/versions.json"),
    ],
)
def test_a_get(datasette: Addresses, path: str) -> None:
    assert_alike(datasette, "GET", path, clean=CLEAN)


def test_a_stream_is_whole(datasette: Addresses) -> None:
    answer = assert_alike(datasette, "GET", "/shop/goods.csv?_stream=on")
    assert len(answer.text.splitlines()) == 1001


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "POST"])
def test_another_method(datasette: Addresses, method: str) -> None:
    assert_alike(datasette, method, "/shop", clean=CLEAN)
