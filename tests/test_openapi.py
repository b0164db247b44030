"""The OpenAPI document: the contract in machine-readable form."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.servers import ROOT

PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
CHANGE = {"403", "404", "409", "413", "415", "422"}
# Operation: its name, its success status, and its error statuses. A 405 belongs to no operation,
# and a 500 is a defect.
OPERATIONS = {
    ("GET", "/api/users"): ("list_users", "200", {"422"}),
    ("POST", "/api/users"): ("create_user", "201", CHANGE - {"404"}),
    ("GET", "/api/users/{user_id}"): ("get_user", "200", {"404"}),
    ("PUT", "/api/users/{user_id}"): ("replace_user", "200", CHANGE),
    ("PATCH", "/api/users/{user_id}"): ("patch_user", "200", CHANGE),
    ("DELETE", "/api/users/{user_id}"): ("remove_user", "204", {"403", "404"}),
    ("GET", "/api/hello"): ("hello", "200", set()),
    ("GET", "/api/me"): ("me", "200", set()),
    ("GET", "/api/wait"): ("wait", "200", {"422"}),
}
# Responses that come before any operation: malformed HTTP, an invalid token, too many requests.
COMMON = {"400", "401", "503"}


@pytest.fixture(scope="module")
def document(shared_gateway: TestClient) -> dict[str, Any]:
    """The document as the gateway serves it."""
    response = shared_gateway.get("/fastapi/openapi.json")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    found: dict[str, Any] = response.json()
    return found


@pytest.fixture(scope="module")
def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the operations by method and path."""
    return {
        (method.upper(), path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def walk(value: object) -> Iterator[dict[str, Any]]:
    """Yield every object in a JSON document."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from walk(item)


def resolve(document: dict[str, Any], reference: str) -> Any:
    """Resolve a reference inside the document."""
    assert reference.startswith("#/")
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def test_the_servers_are_the_prefixes_of_the_three_frameworks(document: dict[str, Any]) -> None:
    assert document["servers"] == [{"url": "/fastapi"}, {"url": "/flask"}, {"url": "/django"}]


def test_every_operation_id_is_its_functions_name(
    operations: dict[tuple[str, str], dict[str, Any]],
) -> None:
    names = {key: operation["operationId"] for key, operation in operations.items()}
    assert names == {key: name for key, (name, _, _) in OPERATIONS.items()}


@pytest.mark.parametrize("key", OPERATIONS, ids=" ".join)
def test_each_operation_documents_all_its_statuses(
    operations: dict[tuple[str, str], dict[str, Any]], key: tuple[str, str]
) -> None:
    _, success, own_errors = OPERATIONS[key]
    errors = own_errors | COMMON
    responses = operations[key]["responses"]
    assert set(responses) == {success, *errors}
    for status in errors:
        assert responses[status]["description"]
        assert responses[status]["content"] == PROBLEM
    assert list(responses[success].get("content", {})) == (
        [] if success == "204" else ["application/json"]
    )


def test_fastapis_own_error_schema_is_not_in_the_document(document: dict[str, Any]) -> None:
    assert set(document["components"]["schemas"]) == {
        "FieldError",
        "Greeting",
        "Me",
        "ProblemDocument",
        "UserInput",
        "UserPatch",
        "UserPublic",
        "Waited",
    }


def test_every_reference_can_be_resolved(document: dict[str, Any]) -> None:
    references = {item["$ref"] for item in walk(document) if isinstance(item.get("$ref"), str)}
    assert "#/components/schemas/FieldError" in references
    for reference in references:
        assert resolve(document, reference)["type"] == "object"


def test_fastapi_alone_documents_no_prefixes(document: dict[str, Any]) -> None:
    import fastapi_app

    # The lifespan is not entered, because the document does not need it.
    alone = TestClient(fastapi_app.create_app()).get("/openapi.json").json()
    assert "servers" not in alone
    assert alone == {name: value for name, value in document.items() if name != "servers"}


def test_importing_the_package_builds_no_application() -> None:
    """The gateway creates the only one in its process; ``fastapi_app.main`` is for servers."""
    code = (
        "import gc, fastapi, fastapi_app;"
        "print([type(item) for item in gc.get_objects() if isinstance(item, fastapi.FastAPI)])"
    )
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == "[]\n"
