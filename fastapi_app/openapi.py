"""The OpenAPI document, where it differs from the one that FastAPI generates."""

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from contract.problems import DETAILS, MEDIA_TYPE
from contract.schemas import ProblemDocument

REF = "#/components/schemas/{model}"


def operation_id(route: APIRoute) -> str:
    """Use the name of the function as operation id, for readable generated clients."""
    return route.name


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the problem documents that a path operation may return.

    Every operation may return three more, which the gateway sends before it calls the application:
    400 for an ambiguous request, 401 for an invalid token, 503 when no capacity is free.
    """
    content = {MEDIA_TYPE: {"schema": {"$ref": REF.format(model="ProblemDocument")}}}
    return {
        status: {"description": DETAILS.get(status, "The email is taken."), "content": content}
        for status in sorted({400, 401, *statuses, 503})
    }


def describe_problems(app: FastAPI) -> None:
    """Replace FastAPI's description of validation errors by problem documents.

    FastAPI adds a 422 in its own format to each operation with a parameter, including those that
    answer 404 for an invalid id.
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
