"""The OpenAPI document: the contract in machine-readable form."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.servers import ROOT

PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
ONLY_FASTAPI = "Only FastAPI"
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
FILE = ["application/x-ndjson", "text/csv"]
EXTRAS = {
    ("GET", "/api/users/events"): ("stream_events", "200", {"422"}),
    ("GET", "/api/users/export"): ("export_users", "200", {"406"}),
    ("POST", "/api/exports"): ("order_export", "202", CHANGE - {"404", "409"}),
    ("GET", "/api/exports/{export_id}"): ("get_export", "200", {"403", "404"}),
    ("GET", "/api/exports/{export_id}/result"): ("get_export_result", "200", {"403", "404"}),
}
MEDIA_TYPES = {
    "remove_user": [],
    "stream_events": ["text/event-stream"],
    "export_users": FILE,
    "get_export_result": FILE,
}
HEADERS = {
    "list_users": ["Link"],
    "create_user": ["Location"],
    "order_export": ["Location"],
    "get_export": ["Retry-After"],
    "export_users": ["Content-Disposition"],
    "get_export_result": ["Content-Disposition"],
}
ALL = {**OPERATIONS, **EXTRAS}
# Responses that come before any operation: malformed HTTP, an invalid token, too many requests.
COMMON = {"400", "401", "503"}


@pytest.fixture
def document(shared_gateway: TestClient) -> dict[str, Any]:
    """The document as the gateway serves it."""
    response = shared_gateway.get("/fastapi/openapi.json")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    found: dict[str, Any] = response.json()
    return found


@pytest.fixture
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
    assert names == {key: name for key, (name, _, _) in ALL.items()}


@pytest.mark.parametrize("key", ALL, ids=" ".join)
def test_each_operation_documents_all_its_statuses(
    operations: dict[tuple[str, str], dict[str, Any]], key: tuple[str, str]
) -> None:
    name, success, own_errors = ALL[key]
    errors = own_errors | COMMON
    responses = operations[key]["responses"]
    assert set(responses) == {success, *errors}
    for status in errors:
        assert responses[status]["description"]
        (described,) = responses[status]["content"].values()
        example = described.pop("example")
        assert responses[status]["content"] == PROBLEM
        assert (example["status"], bool(example["detail"])) == (int(status), True)
    media_types = MEDIA_TYPES.get(name, ["application/json"])
    assert list(responses[success].get("content", {})) == media_types
    assert [*responses[success].get("headers", {})] == HEADERS.get(name, [])
    assert [*responses["401"]["headers"], *responses["503"]["headers"]] == [
        "WWW-Authenticate",
        "Retry-After",
    ]


@pytest.mark.parametrize("key", ALL, ids=" ".join)
def test_each_operation_is_described_for_newcomers(
    document: dict[str, Any],
    operations: dict[tuple[str, str], dict[str, Any]],
    key: tuple[str, str],
) -> None:
    operation = operations[key]
    assert operation["description"]
    # FastAPI makes a summary of the function's name, such as "List Users".
    assert operation["summary"] != ALL[key][0].replace("_", " ").title()
    (tag,) = operation["tags"]
    assert (tag == ONLY_FASTAPI) == (key in EXTRAS)
    assert operation.get("servers") == ([{"url": "/fastapi"}] if key in EXTRAS else None)
    tags = {item["name"]: item["description"] for item in document["tags"]}
    assert tags[tag]
    assert "/api/users/live" in tags[ONLY_FASTAPI]


def test_every_operation_takes_a_token(
    document: dict[str, Any], operations: dict[tuple[str, str], dict[str, Any]]
) -> None:
    (name, scheme), *others = document["components"]["securitySchemes"].items()
    assert (scheme["type"], scheme["scheme"], others) == ("http", "bearer", [])
    assert document["security"] == [{}, {name: []}]
    own = {key: item["security"] for key, item in operations.items() if "security" in item}
    assert own == {("GET", "/api/me"): [{name: []}]}


def test_values_have_the_formats_of_openapi(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["UserPublic"]["properties"]["id"]["format"] == "int64"
    assert schemas["UserPublic"]["properties"]["email"]["format"] == "email"
    assert schemas["UserInput"]["properties"]["email"]["format"] == "email"
    assert schemas["UserEvent"]["properties"]["at"]["format"] == "date-time"
    assert schemas["ExportState"]["properties"]["id"]["format"] == "uuid"
    parameters = {
        item["name"]: item for item in walk(document) if "in" in item and "schema" in item
    }
    for name in ("user_id", "after", "last-event-id"):
        assert parameters[name]["schema"]["format"] == "int64"


def test_fastapis_own_error_schema_is_not_in_the_document(document: dict[str, Any]) -> None:
    assert set(document["components"]["schemas"]) == {
        "ExportOrder",
        "ExportState",
        "FieldError",
        "Greeting",
        "Me",
        "ProblemDocument",
        "Reset",
        "UserEvent",
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
    assert not any("servers" in value for value in walk(alone))
    for value in walk(document):
        value.pop("servers", None)
    assert alone == document


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
