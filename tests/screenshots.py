"""Take the README's screenshots: ``make screenshots``."""

import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from tests.browsers import find_chromium
from tests.databases import free_port
from tests.servers import ROOT, serve

SCREENSHOTS = {"compare": "/?path=/api/users"}
SIZE = {"width": 1280, "height": 720}


def main() -> None:
    """Run a gateway on a new database, and take the screenshots."""
    directory = ROOT / "docs"
    directory.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        env = {"GATEWAY_DATABASE_URL": f"sqlite:///{Path(folder) / 'new.sqlite3'}"}
        prepare = [sys.executable, "manage.py", "prepare"]
        subprocess.run(prepare, cwd=ROOT, env=env, check=True, stdout=subprocess.DEVNULL)
        port = free_port()
        origin = f"http://127.0.0.1:{port}"
        with (
            serve("gateway", "--port", port, origin=origin, path="/", env=env),
            sync_playwright() as playwright,
        ):
            browser = playwright.chromium.launch(
                executable_path=find_chromium(), args=["--no-sandbox"]
            )
            page = browser.new_page(base_url=origin, viewport=SIZE)  # type: ignore[arg-type]
            for name, address in SCREENSHOTS.items():
                page.goto(address)
                page.reload()  # the first requests of a process are slower
                expect(page.get_by_role("status")).to_contain_text("Identical")
                file = directory / f"{name}.png"
                page.screenshot(path=file)
                print(file.relative_to(ROOT))
            browser.close()


if __name__ == "__main__":
    main()
