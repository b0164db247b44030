"""Styles and scripts, in a directory whose name changes with their content."""

import hashlib
from collections.abc import Sequence
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

# The name of the directory changes when a file does (RFC 8246).
HEADERS = {"Cache-Control": "public, max-age=31536000, immutable"}

Packages = Sequence[tuple[str, str]]


class Assets(StaticFiles):
    """Static files that browsers may keep.

    Args:
        packages: pairs of a package and its directory of static files, searched in this order.
    """

    def __init__(self, packages: Packages) -> None:
        super().__init__(packages=[*packages])

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        return response

    async def show_icon(self, request: Request) -> Response:
        """Serve the icon to browsers that show something else than a page."""
        return await self.get_response("icon.svg", request.scope)


def version_of(packages: Packages, *more: str) -> str:
    """Return a digest of all files and of further texts."""
    digest = hashlib.sha256()
    for package, directory in packages:
        for file in sorted(files(package).joinpath(directory).iterdir(), key=lambda one: one.name):
            digest.update(file.name.encode() + file.read_bytes())
    for text in more:
        digest.update(text.encode())
    return digest.hexdigest()[:12]
