"""Every error as a problem document, including those that Flask raises itself."""

from flask import Flask, Response, current_app
from pydantic import ValidationError
from sqlalchemy.exc import ProgrammingError
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from contract import problems
from contract.engines import UNAVAILABLE, is_table_missing
from contract.problems import MEDIA_TYPE, DatabaseUnavailable, InvalidValues, Problem


def init_app(app: Flask) -> None:
    """Register the error handlers."""
    app.register_error_handler(Problem, problem_response)
    app.register_error_handler(ValidationError, invalid_values)
    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(ProgrammingError, programming_error)
    for error in UNAVAILABLE:
        app.register_error_handler(error, database_unavailable)


def problem_response(problem: Problem) -> Response:
    """Render a problem."""
    return Response(problem.body, problem.status, problem.headers, content_type=MEDIA_TYPE)


def invalid_values(error: ValidationError) -> Response:
    """Render the values that Pydantic refused."""
    return problem_response(InvalidValues(error.errors()))


def http_error(error: HTTPException) -> Response:
    """Render the errors of Flask and Werkzeug; Flask wraps an unhandled exception in a 500."""
    if isinstance(error, MethodNotAllowed):
        return problem_response(problems.MethodNotAllowed([*(error.valid_methods or ())]))
    return problem_response(Problem(error.code or 500))


def database_unavailable(error: Exception) -> Response:
    """Answer 503 while the database is down, locked or not migrated."""
    current_app.logger.error("The database cannot be used: %s", error)
    return problem_response(DatabaseUnavailable())


def programming_error(error: ProgrammingError) -> Response:
    """Answer 503 when a table is missing; any other mistake in a statement stays a 500."""
    if is_table_missing(error):
        return database_unavailable(error)
    raise error
