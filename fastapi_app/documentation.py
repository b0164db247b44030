"""Swagger UI's and ReDoc's pages: kept from the internet, and strict about what they run."""

import re
from base64 import b64encode
from hashlib import sha256

from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.responses import HTMLResponse

ASSETS = "/static-offline-docs"  # where fastapi-offline serves them
POLICY = (
    "default-src 'self'; script-src 'self' {scripts}; style-src 'self' {styles};"
    " img-src 'self' data:; worker-src 'self' blob:; object-src 'none'; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'none'"
)


def add_pages(app: FastAPI) -> None:
    """Serve both pages as fastapi-offline does, with a policy.

    ReDoc's script fetches its logo from a CDN, has no option against it, and does without the
    logo where the browser refuses.
    """

    @app.get("/docs", include_in_schema=False)
    async def swagger_ui(request: Request) -> HTMLResponse:
        root = request.scope.get("root_path", "")
        page = get_swagger_ui_html(
            openapi_url=f"{root}{app.openapi_url}",
            title=f"{app.title} - Swagger UI",
            swagger_js_url=f"{root}{ASSETS}/swagger-ui-bundle.js",
            swagger_css_url=f"{root}{ASSETS}/swagger-ui.css",
            swagger_favicon_url=f"{root}{ASSETS}/favicon.png",
            # No option, such as another document, comes from the address.
            swagger_ui_parameters={"queryConfigEnabled": False},
        )
        return restrict(page)

    @app.get("/redoc", include_in_schema=False)
    async def redoc(request: Request) -> HTMLResponse:
        root = request.scope.get("root_path", "")
        page = get_redoc_html(
            openapi_url=f"{root}{app.openapi_url}",
            title=f"{app.title} - ReDoc",
            redoc_js_url=f"{root}{ASSETS}/redoc.standalone.js",
            redoc_favicon_url=f"{root}{ASSETS}/favicon.png",
            with_google_fonts=False,
        )
        # ReDoc writes its styles while it runs.
        return restrict(page, styles="'unsafe-inline'")


def restrict(page: HTMLResponse, *, styles: str = "") -> HTMLResponse:
    """Let a page run its own files and, by their hashes, the scripts it holds (CSP Level 3).

    Args:
        styles: what styles it may have besides those of its own files.
    """
    scripts = re.findall(rb"<script>(.*?)</script>", bytes(page.body), re.DOTALL)
    hashes = [b64encode(sha256(script).digest()).decode() for script in scripts]
    page.headers["Content-Security-Policy"] = POLICY.format(
        scripts=" ".join(f"'sha256-{digest}'" for digest in hashes), styles=styles
    )
    return page
