"""The operations that the Compare page offers, with their parameters.

They come from the routes that several mounts share, and from the OpenAPI documents that mounts
serve at ``/openapi.json``, as FastAPI does.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from framework_gateway.observability.endpoints import Endpoint
from framework_gateway.pages.schemas import (
    Document,
    Examples,
    first,
    items,
    members,
    resolve,
    simplest,
)

METHODS = ("get", "head", "options", "post", "put", "patch", "delete")
LIMITS = {"minimum": "min", "maximum": "max", "maxLength": "maxlength", "pattern": "pattern"}
# Each page has all operations, so that of a large document it has only what a person reads.
MAX_OPERATIONS = 500
MAX_CHOICES = 100
LONGEST = 200  # characters of a summary, a description or a value
LONGEST_BODY = 10_000  # characters


def operations(
    endpoints: Iterable[Endpoint], documents: Mapping[str, Document], least: int = 2
) -> list[dict[str, Any]]:
    """Return the operations, those of most mounts first.

    Args:
        endpoints: of all mounts.
        documents: the OpenAPI document of each mount that has one, by prefix.
        least: how many mounts must have an operation that no document describes.

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
    described = find_described(documents)
    for key, operation in described.items():
        mounts.setdefault(key, {}).setdefault(operation.prefix, "")
    shared = {
        key: found for key, found in mounts.items() if len(found) >= least or key in described
    }
    ordered = sorted(shared.items(), key=lambda item: -len(item[1]))
    return [
        {
            **(describe(key, described[key]) if key in described else undescribed(key, found)),
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


class Described(NamedTuple):
    """An operation of an OpenAPI document.

    Attributes:
        prefix: of the mount that has the document.
        common: the parameters of all operations of the path.
    """

    prefix: str
    operation: Document
    common: Sequence[Any]
    document: Document


def find_described(documents: Mapping[str, Document]) -> dict[tuple[str, str], Described]:
    """Return each documented operation, of the first mount that documents it."""
    found: dict[tuple[str, str], Described] = {}
    for prefix, document in documents.items():
        for path, item in members(document.get("paths")).items():
            common = items(members(item).get("parameters"))
            for method in METHODS:
                operation = members(members(item).get(method))
                if operation and is_for_all(operation):
                    described = Described(prefix, operation, common, document)
                    found.setdefault((method.upper(), path), described)
    return found


def is_for_all(operation: Document) -> bool:
    """Return whether every target may have an operation, and its answer has an end."""
    answers = members(operation.get("responses")).values()
    types = {name for answer in answers for name in members(members(answer).get("content"))}
    return "servers" not in operation and "text/event-stream" not in types


def describe(key: tuple[str, str], described: Described) -> dict[str, Any]:
    """Return one operation of an OpenAPI document."""
    _, operation, common, document = described
    given = [*common, *items(operation.get("parameters"))]
    parameters = [resolve(one, document) for one in given]
    content = members(resolve(operation.get("requestBody"), document).get("content"))
    media_type = next(iter(content), "application/json")
    body = content.get(media_type)
    return {
        "method": key[0],
        "path": key[1],
        "summary": brief(operation.get("summary", "")),
        "parameters": [
            parameter_of(one, document) for one in parameters if isinstance(one.get("name"), str)
        ],
        "body": None if body is None else body_text(members(body), document),
        "content_type": media_type,
    }


def parameter_of(parameter: Document, document: Document) -> dict[str, Any]:
    """Return a parameter with what a form field needs."""
    schema = simplest(resolve(parameter.get("schema"), document), document)
    example = parameter.get("example", schema.get("example", schema.get("default")))
    if example is None:
        example = first(schema.get("examples"))
    text = "" if example is None else written(example)
    choices = map(written, items(schema.get("enum"))[:MAX_CHOICES])
    limits = {ours: schema.get(theirs) for theirs, ours in LIMITS.items()}
    return {
        "name": parameter["name"],
        "in": parameter.get("in", "query"),
        "required": bool(parameter.get("required", parameter.get("in") == "path")),
        "type": schema.get("type", "string"),
        "description": brief(parameter.get("description", schema.get("description", ""))),
        "example": text if len(text) <= LONGEST else "",
        "choices": [*choices],
        "limits": {name: one for name, one in limits.items() if isinstance(one, str | int | float)},
    }


def brief(value: Any) -> str:
    """Return a text in one line that is not too long."""
    text = " ".join(str(value or "").split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def written(value: Any) -> str:
    """Return a value as a URL has it: true, not Python's True."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def body_text(media: Document, document: Document) -> str:
    """Return an example of a request body as text."""
    given = media.get("example")
    if given is None:
        named: Any = next(iter(members(media.get("examples")).values()), None)
        given = resolve(named, document).get("value")
    text = as_body(given)
    # An example may be a whole file; the page has room for one that a person reads.
    if not text or len(text) > LONGEST_BODY:
        text = as_body(Examples(document).of(media.get("schema")))
    return text if len(text) <= LONGEST_BODY else ""


def as_body(given: Any) -> str:
    """Return an example as text; "" for none."""
    if given is None:
        return ""
    return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False, indent=2)


def readable_paths(found: Iterable[Document]) -> list[str]:
    """Return the paths of operations that only read, and need no parameter in the path."""
    return [one["path"] for one in found if one["method"] == "GET" and "{" not in one["path"]]


def start_path(examples: Sequence[Any], found: Iterable[Document]) -> str:
    """Return a path to begin with: of the first example, or of an operation that only reads."""
    paths = (str(example.path) for example in examples)
    return next(paths, next(iter(readable_paths(found)), "/"))
