"""The OpenAPI document, where it differs from the one that FastAPI generates."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from contract.events import Reset, UserEvent
from contract.problems import DETAILS, MEDIA_TYPE, Problem
from contract.schemas import ProblemDocument
from fastapi_app.descriptions import (
    CHALLENGE,
    ONLY_FASTAPI,
    OPTIONAL_LOGIN,
    RETRY_AFTER,
    SCHEMES,
    TAGS,
)

REF = "#/components/schemas/{model}"
DESCRIPTIONS = {
    406: "The Accept header accepts none of the formats.",
    409: "Another user has this email address.",
}
HEADERS = {401: {"WWW-Authenticate": CHALLENGE}, 503: {"Retry-After": RETRY_AFTER}}


def operation_id(route: APIRoute) -> str:
    """Use the name of the function as operation id, for readable generated clients."""
    return route.name


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the problem documents that a path operation may return.

    Every operation may return three more, which the gateway sends before it calls the application:
    400 for an ambiguous request, 401 for an invalid token, 503 when no capacity is free.
    """
    return {status: describe_problem(status) for status in sorted({400, 401, *statuses, 503})}


def describe_problem(status: int) -> dict[str, Any]:
    """Describe a response with a problem document."""
    description = DETAILS.get(status) or DESCRIPTIONS[status]
    title = Problem(status).title
    example = {"type": "about:blank", "title": title, "status": status, "detail": description}
    content = {"schema": {"$ref": REF.format(model="ProblemDocument")}, "example": example}
    found: dict[str, Any] = {"description": description, "content": {MEDIA_TYPE: content}}
    if status in HEADERS:
        found["headers"] = HEADERS[status]
    return found


def complete(app: FastAPI) -> None:
    """Complete the document that FastAPI generates, when it is asked for the first time."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema:
            return app.openapi_schema
        document = generate()
        operations = [one for item in document["paths"].values() for one in item.values()]
        replace_validation_errors(document, operations)
        document["tags"] = TAGS
        document["security"] = OPTIONAL_LOGIN
        document["components"]["securitySchemes"] = SCHEMES
        for operation in operations:
            # The other servers of the document do not have it.
            if ONLY_FASTAPI in operation["tags"] and app.servers:
                operation["servers"] = app.servers[:1]
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend it


def replace_validation_errors(
    document: dict[str, Any], operations: Sequence[dict[str, Any]]
) -> None:
    """Replace FastAPI's description of validation errors by problem documents.

    FastAPI adds a 422 in its own format to each operation with a parameter, including those that
    answer 404 for an invalid id.
    """
    for operation in operations:
        responses = operation["responses"]
        if "application/json" in responses.get("422", {}).get("content", {}):
            del responses["422"]
    schemas = document["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for model in (ProblemDocument, UserEvent, Reset):
        schema = model.model_json_schema(ref_template=REF)
        for name, found in {**schema.pop("$defs", {}), model.__name__: schema}.items():
            schemas.setdefault(name, found)
