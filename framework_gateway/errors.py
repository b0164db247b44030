"""The gateway's own errors: problem details for programs, and pages for browsers."""

import json
from collections.abc import Callable, Mapping

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from framework_gateway.pages.errors import wants_page
from framework_gateway.pages.site import Site

Problem = Callable[[int, str | None, Mapping[str, str] | None], Response]

# Statuses whose detail is meant for clients; that of others may say too much.
WITH_DETAIL = (400, 403)


class Errors:
    """Answers what the gateway itself refuses, or fails to do.

    Args:
        problem: renders problem details from status, detail and headers.
        site: returns the pages, which have one for errors.
    """

    def __init__(self, problem: Problem, site: Callable[[], Site]) -> None:
        self.problem = problem
        self.site = site

    def refuse(self, status: int) -> Response:
        """Render an error of the server, for input that is not a valid request."""
        return self.problem(status, None, None)

    async def answer_error(self, request: HTTPConnection, error: Exception) -> Response:
        """Answer requests that the gateway refuses: unknown paths, bad requests, full mounts."""
        assert isinstance(error, HTTPException)
        detail = error.detail if error.status_code in WITH_DETAIL else None
        return self._show(request, self.problem(error.status_code, detail, error.headers))

    async def answer_exception(self, request: Request, _error: Exception) -> Response:
        """Answer 500; Starlette raises the exception again, so that the server logs it."""
        return self._show(request, self.problem(500, None, None))

    def _show(self, request: HTTPConnection, problem: Response) -> Response:
        """Return a problem as a page if a browser asks for one."""
        if not wants_page(request.headers):
            return problem
        document = json.loads(bytes(problem.body))
        page = self.site().show_error(request, problem.status_code, document)
        kept = {k: v for k, v in problem.headers.items() if not k.startswith("content-")}
        page.headers.update(kept)
        page.headers.add_vary_header("Accept")
        return page
