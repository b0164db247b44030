"""The operations that the Compare page offers, with their parameters: ``/operations.json``.

They come from the routes that several mounts share, and from the OpenAPI documents that mounts
serve at ``/openapi.json``, as FastAPI does.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from framework_gateway.observability.endpoints import Endpoint

METHODS = ("get", "head", "options", "post", "put", "patch", "delete")
LIMITS = {"minimum": "min", "maximum": "max", "maxLength": "maxlength", "pattern": "pattern"}
DEEPEST = 8  # levels of an example; a schema may contain itself
MAX_OPERATIONS = 500

Document = Mapping[str, Any]


def operations(
    endpoints: Iterable[Endpoint], documents: Mapping[str, Document]
) -> list[dict[str, Any]]:
    """Return the operations, those of most mounts first.

    Args:
        endpoints: of all mounts.
        documents: the OpenAPI document of each mount that has one, by prefix.

    Returns:
        ``{"method", "path", "summary", "mounts": [prefix], "parameters": [{"name", "in",
        "required", "type", "description", "example", "choices", ...}], "body": text or None,
        "content_type"}``; the path has ``{name}`` for each parameter.
    """
    mounts: dict[tuple[str, str], dict[str, str]] = {}
    for endpoint in endpoints:
        for method in endpoint.methods:
            found = mounts.setdefault((method, endpoint.path), {})
            found[endpoint.mount] = endpoint.summary
    described = describe_all(documents)
    for key, (prefix, operation) in described.items():
        mounts.setdefault(key, {}).setdefault(prefix, operation["summary"])
    shared = {key: found for key, found in mounts.items() if len(found) > 1 or key in described}
    ordered = sorted(shared.items(), key=lambda item: -len(item[1]))
    return [
        {
            **(described[key][1] if key in described else undescribed(key, found)),
            "mounts": [*found],
        }
        for key, found in ordered[:MAX_OPERATIONS]
    ]


def undescribed(key: tuple[str, str], found: Mapping[str, str]) -> dict[str, Any]:
    """Return an operation of which only the route is known."""
    method, path = key
    names = [part[1:-1] for part in path.split("/") if part[:1] == "{" and part[-1:] == "}"]
    return {
        "method": method,
        "path": path,
        "summary": next(filter(None, found.values()), ""),
        "parameters": [parameter_of({"name": name, "in": "path"}, {}) for name in names],
        "body": None,
        "content_type": "application/json",
    }


def describe_all(
    documents: Mapping[str, Document],
) -> dict[tuple[str, str], tuple[str, dict[str, Any]]]:
    """Return each documented operation with the prefix of the first mount that documents it."""
    found: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {}
    for prefix, document in documents.items():
        for path, item in members(document.get("paths")).items():
            for method in METHODS:
                operation = members(members(item).get(method))
                if operation and is_for_all(operation):
                    common = members(item).get("parameters") or []
                    described = describe(method.upper(), path, operation, common, document)
                    found.setdefault((method.upper(), path), (prefix, described))
    return found


def is_for_all(operation: Document) -> bool:
    """Return whether every target may have an operation, and its answer has an end."""
    answers = members(operation.get("responses")).values()
    types = {name for answer in answers for name in members(members(answer).get("content"))}
    return "servers" not in operation and "text/event-stream" not in types


def describe(
    method: str, path: str, operation: Document, common: Sequence[Any], document: Document
) -> dict[str, Any]:
    """Return one operation of an OpenAPI document."""
    parameters = [resolve(one, document) for one in (*common, *(operation.get("parameters") or ()))]
    content = members(resolve(operation.get("requestBody"), document).get("content"))
    media_type = next(iter(content), "application/json")
    body = content.get(media_type)
    return {
        "method": method,
        "path": path,
        "summary": str(operation.get("summary", "")),
        "parameters": [parameter_of(one, document) for one in parameters if one.get("name")],
        "body": None if body is None else body_text(members(body), document),
        "content_type": media_type,
    }


def parameter_of(parameter: Document, document: Document) -> dict[str, Any]:
    """Return a parameter with what a form field needs."""
    schema = simplest(resolve(parameter.get("schema"), document), document)
    example = parameter.get("example", schema.get("example", schema.get("default")))
    if example is None:
        example = next(iter(schema.get("examples") or ()), None)
    return {
        "name": parameter["name"],
        "in": parameter.get("in", "query"),
        "required": bool(parameter.get("required", parameter.get("in") == "path")),
        "type": schema.get("type", "string"),
        "description": str(parameter.get("description", schema.get("description", ""))),
        "example": "" if example is None else written(example),
        "choices": [written(value) for value in schema.get("enum") or ()],
        "limits": {ours: schema[theirs] for theirs, ours in LIMITS.items() if theirs in schema},
    }


def written(value: Any) -> str:
    """Return a value as a URL has it: true, not Python's True."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def body_text(media: Document, document: Document) -> str:
    """Return an example of a request body as text."""
    given = media.get("example")
    if given is None:
        first: Any = next(iter(members(media.get("examples")).values()), None)
        given = resolve(first, document).get("value")
    if given is None:
        given = example_of(media.get("schema"), document)
    return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False, indent=2)


def example_of(schema: Any, document: Document, depth: int = 0) -> Any:
    """Return a value that the schema allows, as far as its type says so."""
    schema = simplest(resolve(schema, document), document)
    for given in (schema.get("example"), next(iter(schema.get("examples") or ()), None)):
        if given is not None:
            return given
    for name in ("default", "const"):
        if name in schema:
            return schema[name]
    if schema.get("enum"):
        return schema["enum"][0]
    match schema.get("type"):
        case "object" if depth < DEEPEST:
            properties = members(schema.get("properties"))
            return {name: example_of(one, document, depth + 1) for name, one in properties.items()}
        case "array" if depth < DEEPEST:
            return [example_of(schema.get("items"), document, depth + 1)]
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case "string":
            return {"email": "carol@{framework}.example"}.get(schema.get("format", ""), "text")
    return None


def simplest(schema: Document, document: Document) -> Document:
    """Return the first alternative that is not null; OpenAPI 3.1 writes optional values so."""
    for name in ("anyOf", "oneOf", "allOf"):
        for one in schema.get(name) or ():
            found = resolve(one, document)
            if found.get("type") != "null":
                return {**schema, **found}
    if isinstance(types := schema.get("type"), list):
        return {**schema, "type": next((one for one in types if one != "null"), "string")}
    return schema


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


def readable_paths(found: Iterable[Document]) -> list[str]:
    """Return the paths of operations that only read, and need no parameter in the path."""
    return [one["path"] for one in found if one["method"] == "GET" and "{" not in one["path"]]


def members(value: Any) -> Document:
    """Return an object; an empty one for anything else, because others wrote the document."""
    return value if isinstance(value, Mapping) else {}
