"""The JSON Schema of ``gateway.toml``, from the models."""

import json
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import CoreSchema

from framework_gateway.cli.file.model import GatewayFile

DIALECT = "https://json-schema.org/draft/2020-12/schema"
VARIABLE = {"type": "string", "pattern": r"\$\{"}


class Schema(GenerateJsonSchema):
    """Generates a schema in which a string with variables can stand for any number or boolean."""

    def generate(self, schema: CoreSchema, mode: str = "validation") -> JsonSchemaValue:
        return {"$schema": DIALECT, **super().generate(schema, "validation")}

    def int_schema(self, schema: Any) -> JsonSchemaValue:
        return or_variable(super().int_schema(schema))

    def float_schema(self, schema: Any) -> JsonSchemaValue:
        return or_variable(super().float_schema(schema))

    def bool_schema(self, schema: Any) -> JsonSchemaValue:
        return or_variable(super().bool_schema(schema))

    def literal_schema(self, schema: Any) -> JsonSchemaValue:
        return or_variable(super().literal_schema(schema))

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False  # the name of a key says as much


def or_variable(schema: JsonSchemaValue) -> JsonSchemaValue:
    """Return a schema that also allows a string with a variable."""
    return {"anyOf": [schema, VARIABLE]}


def as_json() -> str:
    """Return the schema as JSON text."""
    schema = GatewayFile.model_json_schema(schema_generator=Schema)
    return json.dumps(schema, indent=2) + "\n"
