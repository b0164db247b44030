"""Every error as a problem document, including those that FastAPI raises itself."""

import logging

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import ProgrammingError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.routing import Match, Mount

from contract.engines import UNAVAILABLE, is_table_missing
from contract.problems import (
    MEDIA_TYPE,
    DatabaseUnavailable,
    EmptyBody,
    InvalidValues,
    MethodNotAllowed,
    Problem,
    allow_header,
)

logger = logging.getLogger("fastapi_app")


def add_handlers(app: FastAPI) -> None:
    """Register the exception handlers."""
    app.exception_handler(Problem)(problem_error)
    app.exception_handler(RequestValidationError)(invalid_values)
    app.exception_handler(StarletteHTTPException)(http_error)
    app.exception_handler(ProgrammingError)(programming_error)
    app.exception_handler(Exception)(server_error)
    for error in UNAVAILABLE:
        app.exception_handler(error)(database_unavailable)


def problem_response(problem: Problem) -> Response:
    """Render a problem."""
    return Response(problem.body, problem.status, problem.headers, MEDIA_TYPE)


async def problem_error(_request: Request, problem: Problem) -> Response:
    """Render a problem that the application raised."""
    return problem_response(problem)


async def invalid_values(_request: Request, error: RequestValidationError) -> Response:
    """Render the values that Pydantic refused."""
    if any(item["loc"] == ("body",) for item in error.errors()):
        # FastAPI parses a body that is not empty and has a JSON media type. It passes any other
        # body to Pydantic as it is, and Pydantic refuses it as a whole.
        return problem_response(Problem(415) if error.body else EmptyBody())
    # FastAPI puts "body" or "query" before each location.
    return problem_response(InvalidValues(error.errors(), skip=1))


async def http_error(request: Request, error: StarletteHTTPException) -> Response:
    """Render the errors of FastAPI and Starlette, and answer OPTIONS, which Starlette refuses."""
    if isinstance(error.__cause__, Problem):
        # FastAPI raises an HTTPException from every error that reading the body raises.
        return problem_response(error.__cause__)
    if error.status_code != 405:
        return problem_response(Problem(error.status_code, headers=error.headers))
    allowed = allowed_methods(request)
    if request.method == "OPTIONS":
        return Response(status_code=204, headers={"Allow": allow_header(allowed)})
    return problem_response(MethodNotAllowed(allowed))


def allowed_methods(request: Request) -> list[str]:
    """Return the methods of all routes on the path; Starlette names only those of the first."""
    allowed = ["OPTIONS"]
    for method in ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"):
        # HeadMiddleware answers HEAD with the route of GET.
        scope = {**request.scope, "method": "GET" if method == "HEAD" else method}
        if any(
            route.matches(scope)[0] is Match.FULL
            for route in request.app.routes
            if not isinstance(route, Mount)
        ):
            allowed.append(method)
    return allowed


async def database_unavailable(_request: Request, error: Exception) -> Response:
    """Answer 503 while the database is down, locked or not migrated."""
    logger.error("The database cannot be used: %s", error)
    return problem_response(DatabaseUnavailable())


async def programming_error(request: Request, error: ProgrammingError) -> Response:
    """Answer 503 when a table is missing; any other mistake in a statement stays a 500."""
    if is_table_missing(error):
        return await database_unavailable(request, error)
    raise error


async def server_error(_request: Request, _error: Exception) -> Response:
    """Answer 500; Starlette raises the error again, so that the server logs it."""
    return problem_response(Problem(500))
