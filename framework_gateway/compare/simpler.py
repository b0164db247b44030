"""Make requests simpler, one step at a time."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from framework_gateway.compare.json_values import Number, parse_json, spell
from framework_gateway.compare.messages import Request

PLAIN = ("0", "1", "a")  # what a segment of a path or a value in a query is replaced by


def simpler(request: Request) -> Iterator[Request]:
    """Yield requests that are one step simpler: with less, or with plainer values.

    The steps that leave out most come first.
    """
    for found in (*fewer_headers(request), *plainer_paths(request), *plainer_bodies(request)):
        if complexity(found) < complexity(request):
            yield found


def key_of(request: Request) -> object:
    """Return a hashable value that is equal for equal requests."""
    return request.method, request.path, tuple(request.headers), request.body


def complexity(request: Request) -> tuple[int, int, str, bytes]:
    """Return a key that is lower for simpler requests."""
    length = len(request.path) + len(request.body)
    return len(request.headers), length, request.path, request.body


def fewer_headers(request: Request) -> Iterator[Request]:
    """Yield the request without some headers."""
    headers = tuple(request.headers)
    if len(headers) > 1:
        yield replace(request, headers=())
    for position in range(len(headers)):
        yield replace(request, headers=headers[:position] + headers[position + 1 :])


def plainer_paths(request: Request) -> Iterator[Request]:
    """Yield the request with fewer or plainer parameters in its path and query."""
    path, _, query = request.path.partition("?")
    if query:
        yield replace(request, path=path)
        pairs = query.split("&")
        for position, pair in enumerate(pairs):
            rest = pairs[:position] + pairs[position + 1 :]
            yield replace(request, path=path + "?" + "&".join(rest) if rest else path)
            name, equals, value = pair.partition("=")
            for plain in plainer_texts(value) if equals else ():
                pairs_with = [*pairs[:position], f"{name}={plain}", *pairs[position + 1 :]]
                yield replace(request, path=f"{path}?{'&'.join(pairs_with)}")
    question = f"?{query}" if query else ""
    segments = path.split("/")
    for position, segment in enumerate(segments):
        for plain in PLAIN if segment else ():
            others = [*segments[:position], plain, *segments[position + 1 :]]
            yield replace(request, path="/".join(others) + question)


def plainer_bodies(request: Request) -> Iterator[Request]:
    """Yield the request with no, a shorter or a plainer body."""
    if not request.body:
        return
    bare = tuple(pair for pair in request.headers if pair[0].lower() != "content-type")
    yield replace(request, body=b"", headers=bare)
    yield replace(request, body=b"")
    try:
        document = parse_json(request.body)
    except ValueError:
        for half in (request.body[: len(request.body) // 2], request.body[:-1]):
            yield replace(request, body=half)
        return
    for plain in plainer_values(document):
        yield replace(request, body=spell(plain).encode(errors="surrogatepass"))


def plainer_values(value: Any) -> Iterator[Any]:
    """Yield JSON values that are one step plainer."""
    if isinstance(value, dict):
        yield {}
        for name, member in value.items():
            yield {key: other for key, other in value.items() if key != name}
            for plain in plainer_values(member):
                yield {**value, name: plain}
    elif isinstance(value, list):
        yield []
        for position, item in enumerate(value):
            yield value[:position] + value[position + 1 :]
            for plain in plainer_values(item):
                yield [*value[:position], plain, *value[position + 1 :]]
    elif isinstance(value, str):
        yield from plainer_texts(value)
    elif isinstance(value, Number):
        yield from (Number(plain) for plain in ("0", "1") if plain != value.text)


def plainer_texts(text: str) -> Iterator[str]:
    """Yield shorter and plainer texts."""
    yield ""
    for plain in PLAIN:
        if plain != text:
            yield plain
    if len(text) > 2 and "%" not in text:  # half of a percent-encoded byte is another thing
        yield text[: len(text) // 2]
