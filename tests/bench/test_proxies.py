"""The proxy suite: its rules refer to cases that are measured, and each proxy serves."""

from pathlib import Path

import httpx2 as httpx
import pytest

from showdown.bench.apps.proxies import find_nginx
from showdown.bench.proxies import (
    CASES,
    PROXY_SERVERS,
    RULES,
    download,
    growth,
    open_streams,
    proxy_server,
    upload,
)
from showdown.bench.servers import run
from tests.databases import missing


def test_the_cases_of_every_rule_are_measured() -> None:
    names = [case.target.name for case in CASES]
    assert len({*names}) == len(names)
    assert {name for rule in RULES for name in (rule.case, rule.other)} <= {*names}
    assert {case.target.server for case in CASES} == {*PROXY_SERVERS}


@pytest.mark.parametrize("kind", ["direct", "gateway", "nginx", "starlette"])
def test_each_proxy_serves_the_worker(tmp_path: Path, kind: str) -> None:
    if kind == "nginx" and find_nginx() is None:
        missing("nginx is not installed (Debian: apt-get install nginx-light)")
    prefix = "" if kind == "direct" else "/worker"
    with run(proxy_server(kind, "fastapi"), f"sqlite:///{tmp_path}/db.sqlite3", tmp_path) as server:
        answer = httpx.get(f"http://127.0.0.1:{server.port}{prefix}/api/hello")
    assert (answer.status_code, answer.json()) == (200, {"message": "Hello, World!"})


@pytest.mark.slow
def test_a_large_download_and_upload_take_little_memory(tmp_path: Path) -> None:
    with run(proxy_server("gateway", "streams"), "sqlite://", tmp_path) as server:
        assert growth(server, download) < 32  # MiB, of gateway and worker together
        assert growth(server, upload) < 32
        open_streams(server.port)
