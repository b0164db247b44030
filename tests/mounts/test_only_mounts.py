"""``--only-mounts`` serves what it mounts, and imports nothing else."""

from pathlib import Path

import httpx2 as httpx

from tests.databases import free_port
from tests.servers import serve

# Answers with the names of all modules of its process.
APPLICATION = """
import sys

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [" ".join(sys.modules).encode()]
"""
FOREIGN = {"django", "flask", "fastapi", "sqlalchemy", "flask_app", "fastapi_app", "django_app"}
FOREIGN |= {"contract", "showdown", "gateway"}


def test_neither_the_frameworks_nor_their_applications_are_imported(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(APPLICATION)
    origin = f"http://127.0.0.1:{(port := free_port())}"
    command = ("gateway", "serve", "--port", port, "--only-mounts", "--mount", "/own=own:app")
    # A usual production host, without a database.
    env = {
        "GATEWAY_ENV": "production",
        "GATEWAY_DATABASE_URL": "",
        "GATEWAY_ALLOWED_HOSTS": "shop.example",
    }
    with serve(*command, origin=origin, path="/health/live", env=env, cwd=tmp_path):
        httpx.get(origin + "/health/ready").raise_for_status()
        response = httpx.get(origin + "/own/", headers={"Host": "shop.example"})
    modules = response.raise_for_status().text.split()
    assert "own" in modules
    assert FOREIGN.isdisjoint(name.partition(".")[0] for name in modules)
