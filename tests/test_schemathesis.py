"""The OpenAPI document against each framework: what it promises, and what it excludes."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import negative_data_rejection

import fastapi_app
from fastapi_app.descriptions import ONLY_FASTAPI
from tests.conftest import FRAMEWORKS
from tests.databases import PostgreSQL, SQLite, free_port
from tests.sampling import every
from tests.servers import serve

EXAMPLES = 50
SEQUENCES = 15
STEPS = 6

# JSON Schema's "email" is broader than the addresses that can receive mail: RFC 5322 also has
# quoted local parts, IP addresses as hosts and names like .test; email-validator refuses these.
schemathesis.openapi.format(
    "email", st.emails(domains=st.sampled_from(["example.com", "MAIL.example.org"]))
)

CONFIG = {
    "generation": {"max-examples": EXAMPLES, "deterministic": True},
    # If an operation learnt from responses, the next would depend on the order of tests.
    "phases": {
        "examples": {"extra-data-sources": {"responses": False}},
        "coverage": {"extra-data-sources": {"responses": False}},
        "fuzzing": {
            "extra-data-sources": {"responses": False},
            "error-feedback": {"enabled": False},
        },
    },
}


def anonymous() -> dict[str, Any]:
    """Return the document without its logins: a made-up token is refused by every operation."""
    document = fastapi_app.create_app().openapi()
    del document["security"]
    del document["components"]["securitySchemes"]
    for item in document["paths"].values():
        for operation in item.values():
            operation.pop("security", None)
    return document


everything = schemathesis.openapi.from_dict(
    anonymous(), config=SchemathesisConfig.from_dict(CONFIG)
)
schema = everything.exclude(tag=ONLY_FASTAPI)
# The stream of events has no end, so that a request for it has none either.
extras = everything.include(tag=ONLY_FASTAPI).exclude(operation_id="stream_events")


@pytest.fixture(scope="module")
def origin(migrated: SQLite | PostgreSQL) -> Iterator[str]:
    """A gateway in a process of its own."""
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    with serve("gateway", "--port", port, origin=origin, path="/flask/api/hello"):
        yield origin


def shorten_wait(case: schemathesis.Case[Any]) -> None:
    """Replace a valid wait by a shorter one."""
    wait = case.query.get("ms")
    if isinstance(wait, int | str) and re.fullmatch("[1-9][0-9]{2,3}|10000", str(wait)):
        case.query["ms"] = type(wait)(99)


@pytest.mark.parametrize("framework", every(2, FRAMEWORKS))
@schema.parametrize()
# Each operation gets fresh rows; its examples may find rows that earlier examples left.
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_each_framework_conforms_to_the_document(
    case: schemathesis.Case[Any], framework: str, origin: str, database: SQLite | PostgreSQL
) -> None:
    shorten_wait(case)
    # Unknown query parameters are ignored. The check knows that such a request is valid, except
    # if the query also has a number.
    unknown = "x-schemathesis-unknown-property" in case.query
    case.call_and_validate(
        base_url=f"{origin}/{framework}",
        excluded_checks=[negative_data_rejection] if unknown else [],
    )


@extras.parametrize()
# Exports of earlier examples do not matter.
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_fastapi_conforms_to_what_only_it_has(
    case: schemathesis.Case[Any], origin: str, database: SQLite | PostgreSQL
) -> None:
    case.call_and_validate(base_url=f"{origin}/fastapi")


@pytest.mark.parametrize("framework", every(3, FRAMEWORKS))
def test_links_between_operations_work(
    framework: str, origin: str, database: SQLite | PostgreSQL
) -> None:
    class Workflow(schema.as_state_machine()):  # type: ignore[misc]  # a class made at run time
        def setup(self) -> None:
            # Links are drawn from responses: the same sequence must find the same rows.
            database.reset()

        def before_call(self, case: schemathesis.Case[Any]) -> None:
            shorten_wait(case)

        def get_call_kwargs(self, case: schemathesis.Case[Any]) -> dict[str, Any]:
            return {"base_url": f"{origin}/{framework}"}

    Workflow.run(
        settings=settings(
            max_examples=SEQUENCES,
            stateful_step_count=STEPS,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
    )
