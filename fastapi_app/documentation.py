"""The pages of Swagger UI and ReDoc: without a CDN, and with a Content-Security-Policy."""

import re
from base64 import b64encode
from hashlib import sha256

from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.responses import HTMLResponse

ASSETS = "/static-offline-docs"  # the path of fastapi-offline's files
POLICY = (
    "default-src 'self'; script-src 'self' {scripts}; style-src 'self' {styles};"
    " img-src 'self' data:; worker-src 'self' blob:; object-src 'none'; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'none'"
)


def add_pages(app: FastAPI) -> None:
    """Serve both pages with the files of fastapi-offline.

    fastapi-offline's own pages have no policy. ReDoc's script loads its logo from a CDN and has no
    option against it; the policy blocks the request, and ReDoc shows no logo.
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
            # Query parameters of the page must not change options, such as the document.
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
        # ReDoc adds its styles at run time.
        return restrict(page, styles="'unsafe-inline'")


def restrict(page: HTMLResponse, *, styles: str = "") -> HTMLResponse:
    """Allow a page its own files and, by hash, its inline scripts (CSP Level 3).

    Args:
        styles: sources of styles to allow besides the page's own files.
    """
    scripts = re.findall(rb"<script>(.*?)</script>", bytes(page.body), re.DOTALL)
    hashes = [b64encode(sha256(script).digest()).decode() for script in scripts]
    page.headers["Content-Security-Policy"] = POLICY.format(
        scripts=" ".join(f"'sha256-{digest}'" for digest in hashes), styles=styles
    )
    return page
