"""Take the screenshots of README and guide, and the pictures of the tests: ``make screenshots``."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.browsers import find_chromium
from tests.databases import free_port
from tests.pictures import FOLDER, PICTURES, small, take, wait_for_answers
from tests.servers import ROOT, serve

# By name: the address, and what must be there.
SCREENSHOTS = {
    "compare": ("/?path=/api/users", "#verdict.same"),
    "differences": ("/?path=/admin/login/", "#differences:not([hidden])"),
    "code": ("/code?operation=GET+/api/users", ".panel"),
    "claims": ("/claims", "#verdicts"),
    "routes": ("/routes", ".routes"),
}
SCHEMES = ("light", "dark")
SIZE = {"width": 1280, "height": 800}


@contextmanager
def serving() -> Iterator[str]:
    """Run a gateway on a new database; yield its origin."""
    with tempfile.TemporaryDirectory() as folder:
        env = {"GATEWAY_DATABASE_URL": f"sqlite:///{Path(folder) / 'new.sqlite3'}"}
        prepare = [sys.executable, "manage.py", "prepare"]
        subprocess.run(prepare, cwd=ROOT, env=env, check=True, stdout=subprocess.DEVNULL)
        port = free_port()
        origin = f"http://127.0.0.1:{port}"
        with serve("gateway", "--port", port, origin=origin, path="/", env=env):
            yield origin


def take_for_docs(browser: Browser, origin: str) -> None:
    """Take each screenshot in light and dark."""
    for scheme in SCHEMES:
        context = browser.new_context(
            base_url=origin,
            viewport=SIZE,  # type: ignore[arg-type]  # Playwright's own TypedDict
            color_scheme=scheme,  # type: ignore[arg-type]  # one of the two allowed values
        )
        page = context.new_page()
        for name, (address, there) in SCREENSHOTS.items():
            page.goto(address)
            page.reload()  # the first requests of a process are slower
            if name in ("compare", "differences"):
                wait_for_answers(page)
            page.wait_for_selector(there)
            page.screenshot(path=ROOT / "docs" / f"{name}-{scheme}.png")
            print(f"docs/{name}-{scheme}.png")
        context.close()


def take_for_tests(browser: Browser, origin: str) -> None:
    """Take the pictures that the tests compare."""
    FOLDER.mkdir(exist_ok=True)
    for name, picture in PICTURES.items():
        small(take(browser, origin, picture)).save(FOLDER / f"{name}.png", optimize=True)
        print(f"tests/pages/pictures/{name}.png")


def main() -> None:
    """Run a gateway on a new database, and take all pictures."""
    with serving() as origin, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        take_for_docs(browser, origin)
        take_for_tests(browser, origin)
        browser.close()


if __name__ == "__main__":
    main()
