"""The OpenAPI document, where it says more or less than FastAPI does by itself."""

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from contract.problems import DETAILS, MEDIA_TYPE
from contract.schemas import ProblemDocument

REF = "#/components/schemas/{model}"


def operation_id(route: APIRoute) -> str:
    """Name an operation as its function, so that generated clients read well."""
    return route.name


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the problem documents that a path operation may answer with.

    Any may be refused before it is reached: 400 an ambiguous request, 401 a token that is not
    valid, 503 no free place.
    """
    content = {MEDIA_TYPE: {"schema": {"$ref": REF.format(model="ProblemDocument")}}}
    return {
        status: {"description": DETAILS.get(status, "The email is taken."), "content": content}
        for status in sorted({400, 401, *statuses, 503})
    }


def describe_problems(app: FastAPI) -> None:
    """Put problem documents where FastAPI describes its own validation errors.

    FastAPI adds a 422 of its own shape to each operation with a parameter, also to those that
    answer 404 for an id that is none.
    """
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema:
            return app.openapi_schema
        document = generate()
        for operations in document["paths"].values():
            for operation in operations.values():
                responses = operation["responses"]
                if "application/json" in responses.get("422", {}).get("content", {}):
                    del responses["422"]
        schemas = document["components"]["schemas"]
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        problem = ProblemDocument.model_json_schema(ref_template=REF)
        schemas |= {**problem.pop("$defs"), "ProblemDocument": problem}
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend it
