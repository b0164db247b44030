"""A page of the site, and its content."""

import inspect
from collections.abc import Awaitable, Callable, Sized
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self';"
    " img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'",
    # The content depends on the mounts and on what is measured.
    "Cache-Control": "no-cache",
}

Document = dict[str, Any]
Collect = Callable[[Request], Document | Awaitable[Document]]


@dataclass(frozen=True)
class Page:
    """A page of the site. ``/NAME.json`` has the same content as data.

    Attributes:
        name: the path of the page, below ``/``.
        title: the title in the navigation and the window.
        template: the name of the template.
        description: one sentence for search engines and link previews.
        collect: returns the content as JSON data, which is also the context of the template. Its
            member ``title``, if there is one, says what the window shows.
        sends_requests: whether the page lets visitors send requests to the applications.
    """

    name: str
    title: str
    template: str
    description: str
    collect: Collect = lambda _request: {}
    sends_requests: bool = False

    @property
    def data_path(self) -> str:
        """The path of the content as JSON."""
        return f"/{self.name or 'index'}.json"

    async def content(self, request: Request) -> Document:
        """Return the content."""
        found = self.collect(request)
        return await found if inspect.isawaitable(found) else found


def number(things: Sized) -> str:
    """Return the number of things in words, for a heading."""
    words = ("no", "one", "two", "three", "four", "five", "six")
    return words[len(things)] if len(things) < len(words) else str(len(things))
