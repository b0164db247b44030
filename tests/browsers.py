"""Fixtures: a real Chromium, a gateway for it, and a window that records errors."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    sync_playwright,
)

from tests.databases import PostgreSQL, SQLite, free_port, missing
from tests.servers import ROOT, serve

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
# Not a local name, because Swagger UI would then hide what it requests from the internet.
HOST = "gateway.example"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--host-resolver-rules=MAP {HOST} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


def find_chromium() -> str:
    """Return Chromium's program; if it is missing, skip the test, or fail it in CI."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        missing("Chromium is not installed (Debian: apt-get install chromium)")
    return program


@pytest.fixture(scope="module")
def browser(migrated: SQLite | PostgreSQL) -> Iterator[Browser]:
    """A headless Chromium that resolves no host but this machine.

    After ``migrated``, because Django refuses database access while Playwright's loop runs.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def port(migrated: SQLite | PostgreSQL) -> Iterator[int]:
    """The port of a gateway in a process of its own."""
    port = free_port()
    with serve(
        *("gateway", "--port", port),
        origin=f"http://127.0.0.1:{port}",
        path="/flask/api/hello",
        env={"GATEWAY_ALLOWED_HOSTS": f"127.0.0.1,{HOST}"},
    ):
        yield port


def make_account(password: str) -> str:
    """Create an account that may use the admin; return its name."""
    name = f"keeper-{uuid4().hex}"
    account = {"USERNAME": name, "PASSWORD": password, "EMAIL": "k@example.com"}
    env = {f"DJANGO_SUPERUSER_{key}": account[key] for key in account}
    manage("createsuperuser", "--noinput", **env)
    return name


def manage(*command: str, **env: str) -> None:
    """Run a command of Django in another process.

    In this one, Django refuses database access while Playwright's loop runs.
    """
    subprocess.run(
        [sys.executable, "manage.py", *command], cwd=ROOT, env={**os.environ, **env}, check=True
    )


class Record:
    """The requests and errors of a window's pages."""

    def __init__(self, context: BrowserContext) -> None:
        self.requests: list[Request] = []
        self.complaints: list[str] = []
        context.on("request", self.note_request)
        context.on("console", self.note_message)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))

    def note_request(self, request: Request) -> None:
        self.requests.append(request)

    def note_message(self, message: ConsoleMessage) -> None:
        # Browsers request /favicon.ico for pages without an icon, such as the admin's. The policy
        # of ReDoc's page stops the request for its logo, and Chromium says so.
        text = f"{message.location['url']} {message.text}"
        expected = "/favicon.ico" in text or "cdn.redoc.ly/redoc/logo" in text
        if message.type == "error" and not expected:
            self.complaints.append(message.text)

    @property
    def hosts(self) -> set[str | None]:
        # What a page's policy stops is never sent.
        requests = [one for one in self.requests if "csp" not in (one.failure or "").lower()]
        sent = [request.url for request in requests]
        return {urlsplit(url).hostname for url in sent if not url.startswith(("blob:", "data:"))}


@contextmanager
def recorded_window(browser: Browser, origin: str) -> Iterator[tuple[Page, Record]]:
    """Open a window; after the block, its pages must have had no error."""
    context = browser.new_context(base_url=origin)
    record = Record(context)
    yield context.new_page(), record
    context.close()
    assert record.complaints == []


@pytest.fixture
def window(browser: Browser, port: int, database: SQLite | PostgreSQL) -> Iterator[Page]:
    """A new window; after the test, it must have requested no other host and had no error."""
    with recorded_window(browser, f"http://{HOST}:{port}") as (page, record):
        yield page
    assert record.hosts <= {HOST, "127.0.0.1"}
