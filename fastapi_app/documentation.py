"""The pages of Swagger UI and ReDoc: without a CDN, and with a Content-Security-Policy."""

from html import escape
from string import Template

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

ASSETS = "/static-offline-docs"  # the path of fastapi-offline's files
OWN = "/static"  # the path of this package's files
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' {styles}; img-src 'self' data:;"
    " worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'"
)
SWAGGER_UI = Template("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="description" content="Read about each operation of the API, and try it out.">
<title>$title - Swagger UI</title>
<link rel="icon" href="$assets/favicon.png">
<link rel="stylesheet" href="$assets/swagger-ui.css">
<link rel="stylesheet" href="$own/documentation.css">
</head>
<body>
<div id="swagger-ui" data-document="$document"></div>
<script src="$assets/swagger-ui-bundle.js"></script>
<script src="$own/swagger-ui.js"></script>
</body>
</html>
""")
REDOC = Template("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="description" content="Read about each operation of the API.">
<title>$title - ReDoc</title>
<link rel="icon" href="$assets/favicon.png">
<link rel="stylesheet" href="$own/documentation.css">
</head>
<body class="redoc-page">
<div id="redoc" data-document="$document"></div>
<script src="$assets/redoc.standalone.js"></script>
<script src="$own/redoc.js"></script>
</body>
</html>
""")


def add_pages(app: FastAPI) -> None:
    """Serve both pages with the files of fastapi-offline.

    FastAPI's own pages have inline scripts, no dark form, and no place for either in a file.
    """
    app.mount(OWN, StaticFiles(packages=[("fastapi_app", "static")]), name="static")

    @app.get("/docs", include_in_schema=False)
    async def swagger_ui(request: Request) -> HTMLResponse:
        return page(SWAGGER_UI, request, app)

    @app.get("/redoc", include_in_schema=False)
    async def redoc(request: Request) -> HTMLResponse:
        # ReDoc adds its styles at run time. It asks a CDN for its logo, and has no option against
        # that: the policy stops the request, and ReDoc removes an image that does not load.
        return page(REDOC, request, app, styles="'unsafe-inline'")


def page(template: Template, request: Request, app: FastAPI, *, styles: str = "") -> HTMLResponse:
    """Return a page with a policy (CSP Level 3) that allows it its own files.

    Args:
        styles: sources of styles to allow besides the page's own files.
    """
    root = escape(request.scope.get("root_path", ""))
    html = template.substitute(
        title=escape(app.title),
        assets=root + ASSETS,
        own=root + OWN,
        document=f"{root}{app.openapi_url}",
    )
    return HTMLResponse(html, headers={"Content-Security-Policy": POLICY.format(styles=styles)})
