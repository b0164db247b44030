"""Read the schemas of an OpenAPI document that somebody else has written, and make examples."""

from collections.abc import Mapping, Sequence
from typing import Any

DEEPEST = 8  # levels of an example; a schema may contain itself
MOST = 150  # values of an example; schemas that contain each other multiply with each level

Document = Mapping[str, Any]


class Examples:
    """Makes values that the schemas of a document allow, as far as their types say so.

    Args:
        document: the OpenAPI document.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self._left = 0

    def of(self, schema: Any) -> Any:
        """Return a value of at most ``MOST`` parts."""
        self._left = MOST
        return self._of(schema, 0)

    def _of(self, schema: Any, depth: int) -> Any:
        self._left -= 1
        schema = simplest(resolve(schema, self.document), self.document)
        for given in (schema.get("example"), first(schema.get("examples"))):
            if given is not None:
                return given
        for name in ("default", "const"):
            if name in schema:
                return schema[name]
        if values := items(schema.get("enum")):
            return values[0]
        return self._of_type(schema, depth)

    def _of_type(self, schema: Document, depth: int) -> Any:
        match schema.get("type"):
            case "object" if depth < DEEPEST:
                return self._members(members(schema.get("properties")), depth + 1)
            case "array" if depth < DEEPEST:
                return [self._of(schema.get("items"), depth + 1)]
            case "integer" | "number":
                return schema.get("minimum", 1)
            case "boolean":
                return True
            case "string":
                return "carol@{framework}.example" if schema.get("format") == "email" else "text"
        return None

    def _members(self, properties: Document, depth: int) -> dict[str, Any]:
        return {name: self._of(one, depth) for name, one in properties.items() if self._left > 0}


def simplest(schema: Document, document: Document) -> Document:
    """Return the first alternative that is not null; OpenAPI 3.1 writes optional values so.

    Of ``allOf``, the properties of all parts are put together.
    """
    choices = [*items(schema.get("anyOf")), *items(schema.get("oneOf"))]
    found = (resolve(one, document) for one in choices)
    schema = {**schema, **next((one for one in found if one.get("type") != "null"), {})}
    if parts := items(schema.get("allOf")):
        schema = merged([*(resolve(one, document) for one in parts), schema])
    if types := items(schema.get("type")):
        return {**schema, "type": next((one for one in types if one != "null"), "string")}
    return schema


def merged(parts: Sequence[Document]) -> Document:
    """Return one schema for several that hold at once."""
    properties: dict[str, Any] = {}
    for part in parts:
        properties |= members(part.get("properties"))
    whole = {name: value for part in parts for name, value in part.items()}
    return {**whole, "properties": properties, **({"type": "object"} if properties else {})}


def resolve(value: Any, document: Document) -> Document:
    """Return an object, or the one that its ``$ref`` names in the same document."""
    for _ in range(DEEPEST):
        found = members(value)
        pointer = found.get("$ref")
        if not isinstance(pointer, str):
            return found
        target: Any = document if pointer.startswith("#/") else {}
        for step in pointer[2:].split("/"):
            target = members(target).get(step.replace("~1", "/").replace("~0", "~"))
        value = target
    return {}


def members(value: Any) -> Document:
    """Return an object; an empty one for anything else, because others wrote the document."""
    return value if isinstance(value, Mapping) else {}


def items(value: Any) -> Sequence[Any]:
    """Return an array; an empty one for anything else."""
    return value if isinstance(value, list) else []


def first(value: Any) -> Any:
    """Return the first element of an array; None if there is none."""
    return next(iter(items(value)), None)
