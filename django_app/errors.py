"""Every error as a problem document, including those that Django raises itself."""

import logging
import sys

from django.core.exceptions import RequestDataTooBig
from django.db import DataError, InterfaceError, OperationalError, ProgrammingError
from django.http import HttpRequest, HttpResponse
from pydantic import ValidationError

from contract.engines import is_table_missing
from contract.problems import MEDIA_TYPE, DatabaseUnavailable, InvalidValues, Problem

logger = logging.getLogger("django_app")


def problem_response(problem: Problem) -> HttpResponse:
    """Render a problem."""
    return HttpResponse(problem.body, MEDIA_TYPE, status=problem.status, headers=problem.headers)


def problem_for(error: BaseException | None) -> HttpResponse | None:
    """Render an error that has a problem document; return None for any other."""
    if isinstance(error, Problem):
        return problem_response(error)
    if isinstance(error, ValidationError):
        return problem_response(InvalidValues(error.errors()))
    if isinstance(error, RequestDataTooBig):
        return problem_response(Problem(413))
    # A query of the admin has a number or a text that no column can hold.
    if isinstance(error, OverflowError | DataError):
        return problem_response(Problem(400))
    if isinstance(error, OperationalError | InterfaceError) or (
        isinstance(error, ProgrammingError) and is_table_missing(error)
    ):
        logger.error("The database cannot be used: %s", error)
        return problem_response(DatabaseUnavailable())
    return None


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400: Django's handler400."""
    return problem_response(Problem(400))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 403: Django's handler403."""
    return problem_response(Problem(403))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404: Django's handler404."""
    return problem_response(Problem(404))


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500: Django's handler500; or 503 when middleware could not use the database."""
    return problem_for(sys.exc_info()[1]) or problem_response(Problem(500))
