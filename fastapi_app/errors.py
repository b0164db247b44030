"""Every error as a problem document, FastAPI's own included."""

import logging

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import ProgrammingError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match, Mount

from contract.engines import UNAVAILABLE, is_table_missing
from contract.problems import (
    MEDIA_TYPE,
    DatabaseUnavailable,
    InvalidValues,
    MethodNotAllowed,
    Problem,
    allow_header,
)

logger = logging.getLogger("fastapi_app")


def add_handlers(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(Problem, problem_error)
    app.add_exception_handler(RequestValidationError, invalid_values)
    app.add_exception_handler(StarletteHTTPException, http_error)
    app.add_exception_handler(ClientDisconnect, client_left)
    app.add_exception_handler(ProgrammingError, programming_error)
    app.add_exception_handler(Exception, server_error)
    for error in UNAVAILABLE:
        app.add_exception_handler(error, database_unavailable)


def problem_response(problem: Problem) -> Response:
    """Render a problem."""
    return Response(problem.body, problem.status, problem.headers, MEDIA_TYPE)


async def problem_error(_request: Request, error: Exception) -> Response:
    """Render a problem that the domain raised."""
    assert isinstance(error, Problem)
    return problem_response(error)


async def invalid_values(_request: Request, error: Exception) -> Response:
    """Render what Pydantic refused; FastAPI puts "body" or "query" before each location."""
    assert isinstance(error, RequestValidationError)
    return problem_response(InvalidValues(error.errors(), skip=1))


async def http_error(request: Request, error: Exception) -> Response:
    """Render what FastAPI and Starlette raise, and answer OPTIONS, which they do not know."""
    assert isinstance(error, StarletteHTTPException)
    if error.status_code != 405:
        return problem_response(Problem(error.status_code, headers=error.headers))
    allowed = allowed_methods(request)
    if request.method == "OPTIONS":
        return Response(status_code=204, headers={"Allow": allow_header(allowed)})
    return problem_response(MethodNotAllowed(allowed))


async def client_left(_request: Request, _error: Exception) -> Response:
    """End a request whose body was cut short: no error of the server's, and nobody reads this."""
    return problem_response(Problem(400))


def allowed_methods(request: Request) -> list[str]:
    """Collect the methods of all routes on the path; Starlette names those of the first."""
    allowed = ["OPTIONS"]
    for method in ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"):
        # HeadMiddleware answers HEAD with GET's route.
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


async def programming_error(request: Request, error: Exception) -> Response:
    """Tell a database that is not migrated from a mistake in a statement."""
    if is_table_missing(error):
        return await database_unavailable(request, error)
    raise error


async def server_error(_request: Request, _error: Exception) -> Response:
    """Answer 500; Starlette raises the error again, so that the server logs it."""
    return problem_response(Problem(500))
