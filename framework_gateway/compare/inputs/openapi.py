"""Requests that an OpenAPI document describes, valid and invalid; schemathesis generates them.

The extra ``fuzz`` installs schemathesis. It is imported on first use.
"""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from framework_gateway.compare.comparer import SAFE_METHODS
from framework_gateway.compare.inputs import NOT_UTF_8, UNSAFE, InputError
from framework_gateway.compare.messages import Request
from framework_gateway.compare.simpler import key_of

# What requests and schemathesis add by themselves.
OWN_HEADERS = frozenset(
    ["user-agent", "accept-encoding", "connection", "x-schemathesis-testcaseid", "content-length"]
)
PARTS = ("method", "url", "headers", "params", "data", "json", "files", "cookies")
INVALID = "operations whose description is not valid"
OTHER_SERVERS = "operations with servers of their own"
ENDLESS = "operations that answer with an event stream"
UNSENDABLE = "generated requests that HTTP cannot carry"


def load(source: str) -> Any:
    """Return the schema of a file or a URL.

    Raises:
        InputError: schemathesis is not installed, or the document cannot be read.
    """
    openapi = schemathesis().openapi
    is_url = source.startswith(("http://", "https://"))
    if not is_url and not Path(source).is_file():
        raise InputError("there is no such file")
    return checked(openapi.from_url if is_url else openapi.from_path, source)


def parse(text: bytes, name: str) -> Any:
    """Return the schema of a document's text; ``name`` says whose it is in errors."""
    openapi = schemathesis().openapi
    try:
        document = json.loads(text)
    except ValueError as error:
        raise InputError(f"{name}: the OpenAPI document is not JSON: {error}") from error
    return checked(openapi.from_dict, document)


def checked(loader: Any, source: Any) -> Any:
    """Call a loader of schemathesis; its errors become InputError."""
    from schemathesis.errors import LoaderError

    try:
        return loader(source)
    except LoaderError as error:
        raise InputError(str(error)) from error
    except UnicodeDecodeError as error:
        raise InputError(NOT_UTF_8) from error


def schemathesis() -> Any:
    """Return the package schemathesis."""
    try:
        import schemathesis as package
    except ImportError as error:
        raise InputError(
            "--openapi needs schemathesis: pip install 'framework-gateway[fuzz]'"
        ) from error
    return package


def templates(schema: Any, prefix: str) -> list[tuple[str, str]]:
    """Return method and path template of each operation, below the prefix of a target."""
    return [
        (operation.method.upper(), base_path(schema, prefix) + operation.path)
        for operation in operations(schema, Counter())
    ]


def base_path(schema: Any, prefix: str) -> str:
    """Return the path of the document's first server, without the prefix of a target."""
    servers = schema.raw_schema.get("servers") or [{"url": schema.raw_schema.get("basePath", "")}]
    path = urlsplit(str(servers[0].get("url", ""))).path.rstrip("/")
    return path.removeprefix(prefix) if prefix else path


def operations(schema: Any, skipped: Counter[str]) -> Iterator[Any]:
    """Yield the operations of a schema."""
    for result in schema.get_all_operations():
        try:
            operation = result.ok()
        # ``ok`` raises what the schema's author did wrong; its type is schemathesis's own matter.
        except Exception:
            skipped[INVALID] += 1
            continue
        if reason := reason_to_skip(operation.definition.raw):
            skipped[reason] += 1
        else:
            yield operation


def reason_to_skip(operation: Any) -> str | None:
    """Return why an operation cannot be compared; None if it can."""
    if operation.get("servers"):
        return OTHER_SERVERS
    for response in (operation.get("responses") or {}).values():
        if "text/event-stream" in (response.get("content") or {}):
            return ENDLESS
    return None


def generate(
    schema: Any,
    skipped: Counter[str],
    *,
    prefix: str = "",
    unsafe: bool = False,
    max_examples: int = 50,
    seed: int = 0,
) -> Iterator[Request]:
    """Yield requests: for each operation the simplest one, its neighbour, valid and invalid ones.

    The neighbour has one slash more or less at the end of the path. The same document, numbers
    and version of schemathesis give the same requests.

    Args:
        prefix: the prefix of the target that served the document.
        unsafe: also generate requests that could change something.
        max_examples: valid, and as many invalid, requests for each operation.
        seed: selects the requests.
    """
    seen: set[object] = set()
    for operation in operations(schema, skipped):
        if operation.method.upper() not in SAFE_METHODS and not unsafe:
            skipped[UNSAFE] += 1
            continue
        for request in examples(operation, schema, prefix, max_examples, seed, skipped):
            if (key := key_of(request)) not in seen:
                seen.add(key)
                yield request


def examples(
    operation: Any, schema: Any, prefix: str, count: int, seed: int, skipped: Counter[str]
) -> list[Request]:
    """Return the requests of one operation, the simplest first."""
    modes = schemathesis().GenerationMode
    base = base_path(schema, prefix)
    valid = draw(operation, modes.POSITIVE, base, count, seed, skipped)
    invalid = draw(operation, modes.NEGATIVE, base, count, seed, skipped)
    valid.sort(key=size)
    return [*valid[:1], *map(neighbour, valid[:1]), *valid[1:], *invalid]


def size(request: Request) -> tuple[int, str]:
    """Return a key that sorts short and plain requests first."""
    return len(request.path) + len(request.body) + 20 * len(request.headers), request.path


def neighbour(request: Request) -> Request:
    """Return the request with one slash more or less at the end of its path."""
    path, question, query = request.path.partition("?")
    other = path.removesuffix("/") if path.endswith("/") and len(path) > 1 else path + "/"
    return Request(request.method, other + question + query, request.headers, request.body)


def draw(
    operation: Any, mode: Any, base: str, count: int, seed: int, skipped: Counter[str]
) -> list[Request]:
    """Let Hypothesis generate requests of one operation."""
    import hypothesis
    from hypothesis.errors import HypothesisException

    found: list[Request] = []

    def collect(case: Any) -> None:
        try:
            found.append(as_request(case, base))
        # Generated URLs and headers may be what requests refuses to send.
        except ValueError:
            skipped[UNSENDABLE] += 1

    try:
        given: Any = hypothesis.given(operation.as_strategy(generation_mode=mode))
        hypothesis.seed(seed)(settings_for(count)(given(collect)))()
    except HypothesisException:
        # Some operations have no invalid requests, such as those without parameters.
        kind = "valid" if mode.value == "positive" else "invalid"
        if not found:
            skipped[f"operations without {kind} requests"] += 1
    return found


def settings_for(count: int) -> Any:
    """Return the settings of Hypothesis: generate a number of examples, and do nothing else."""
    import hypothesis

    return hypothesis.settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )


def as_request(case: Any, base: str) -> Request:
    """Return the request that a case of schemathesis sends."""
    import requests

    options = case.as_transport_kwargs(base_url="http://localhost" + base)
    sent = requests.Request(**{name: options.get(name) for name in PARTS}).prepare()
    headers = tuple(
        (name, value.decode("latin-1") if isinstance(value, bytes) else value)
        for name, value in sent.headers.items()
        if name.lower() not in OWN_HEADERS and (name, value) != ("Accept", "*/*")
    )
    body = sent.body.encode() if isinstance(sent.body, str) else sent.body
    assert body is None or isinstance(body, bytes)  # generated bodies are never streams
    return Request(sent.method or "GET", sent.path_url, headers, body or b"")
