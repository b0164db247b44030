"""ReDoc's page, kept from the internet."""

from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_redoc_html
from fastapi.responses import HTMLResponse

ASSETS = "/static-offline-docs"  # where fastapi-offline serves them


def add_redoc(app: FastAPI) -> None:
    """Serve ReDoc as fastapi-offline does, with a policy.

    ReDoc's script fetches its logo from a CDN, has no option against it, and does without the
    logo where the browser refuses.
    """

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
        page.headers["Content-Security-Policy"] = "img-src 'self' data:"
        return page
