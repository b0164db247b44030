"""Find where the answers of several targets differ: status, headers, each member of JSON."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from framework_gateway.compare.credentials import mask
from framework_gateway.compare.messages import PLACEHOLDER, Answer, Request, dump, parse_json

HEADERS = ("Content-Type", "Content-Length", "Allow", "Location", "Link", "Retry-After")
LONGEST_KEY = 1000  # characters shown of a member's name
SHOWN = 60  # characters shown of a value, or around the first different byte

# Member names and indexes, from the root of a JSON document.
Path = tuple[str | int, ...]
Part = Literal["status", "header", "body", "spelling"]


@dataclass(frozen=True)
class Difference:
    """One part in which not all answers are equal.

    Attributes:
        part: where it is; ``spelling`` means bodies with the same JSON in different bytes.
        name: the name of the header, or the JSON Pointer (RFC 6901) of the member.
        values: maps targets to values; targets without the part are missing.
    """

    part: Part
    name: str
    values: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return the difference as JSON data."""
        return {"part": self.part, "name": self.name, "values": dict(self.values)}

    def __str__(self) -> str:
        values = (f"{target} {shorten(dump(value))}" for target, value in self.values.items())
        return f"{self.part} {self.name}".rstrip() + ": " + (", ".join(values))


def find_differences(
    request: Request,
    answers: Sequence[Answer],
    headers: Sequence[str] = HEADERS,
    ignore: Sequence[str] = (),
) -> list[Difference]:
    """Compare the answers, except those of targets that did not answer.

    Values count as equal if they differ only in the prefix of the target (in headers), or in the
    name of the target where the request had ``{framework}``. For ``ignore``, see Comparer.compare.
    """
    answers = [answer for answer in answers if answer.error is None]
    ignored = Ignored(ignore)
    found: list[Difference] = []
    if len({answer.status for answer in answers}) > 1 and "status" not in ignored:
        found.append(Difference("status", "", {answer.target: answer.status for answer in answers}))
    bodies = [*compare_bodies(request, answers, ignored)]
    for name in headers:
        # An ignored difference in the body may change the length.
        if name in ignored or (name.lower() == "content-length" and ignored.used):
            continue
        if len({normalise_header(request, answer, name) for answer in answers}) > 1:
            values = {answer.target: answer.header(name) for answer in answers}
            present = {target: mask(name, v) for target, v in values.items() if v is not None}
            found.append(Difference("header", name, present))
    return found + bodies


class Ignored:
    """The parts that may differ; ``used`` is true if one in a body did."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = {name.lower() for name in names if not name.startswith("/")}
        # No regular expressions: Python caches the last 512, and a client chooses their length.
        self.pointers = [name.split("/") for name in names if name.startswith("/")]
        self.used = False

    def __contains__(self, name: str) -> bool:
        return name.lower() in self.names

    def covers(self, path: Path) -> bool:
        """Return whether a member, or a parent of it, may differ."""
        parts = ["", *map(escape, path)]
        covered = any(
            len(ignored) <= len(parts)
            and all(one in ("*", part) for one, part in zip(ignored, parts, strict=False))
            for ignored in self.pointers
        )
        self.used = self.used or covered
        return covered


def compare_bodies(
    request: Request, answers: Sequence[Answer], ignored: Ignored
) -> Iterator[Difference]:
    """Compare the bodies, as JSON if all of them are JSON, else as bytes."""
    normalised = {answer.target: normalise_body(request, answer) for answer in answers}
    if len({*normalised.values()}) <= 1 or len({answer.body for answer in answers}) <= 1:
        return
    try:
        documents = {target: parse_json(body) for target, body in normalised.items()}
        shown = {answer.target: parse_json(answer.body) for answer in answers}
        paths = [*compare_values((), documents)]
    except ValueError:
        yield Difference("body", "", excerpts(normalised))
        return
    found = False
    for path in paths:
        if not ignored.covers(path):
            found = True
            yield Difference("body", pointer_to(path), look_up(shown, path))
    if not found and not ignored.used and "spelling" not in ignored:
        yield Difference("spelling", "", excerpts(normalised))


def escape(key: str | int) -> str:
    """Escape a member's name or an index for a JSON Pointer (RFC 6901, 3)."""
    return str(key).replace("~", "~0").replace("/", "~1")


def pointer_to(path: Path) -> str:
    """Format a path as a JSON Pointer; long names are cut."""
    return "".join(f"/{escape(key)[:LONGEST_KEY]}" for key in path)


def compare_values(path: Path, values: Mapping[str, Any]) -> Iterator[Path]:
    """Yield the paths of the innermost values that are not equal."""
    kinds = {type(value) for value in values.values()}
    if kinds == {dict} or kinds == {list}:
        items = {
            target: value if isinstance(value, dict) else dict(enumerate(value))
            for target, value in values.items()
        }
        # Keys in the order of the first target that has them.
        for key in dict.fromkeys(key for members in items.values() for key in members):
            found = {target: members[key] for target, members in items.items() if key in members}
            if len(found) < len(items):
                yield (*path, key)
            else:
                yield from compare_values((*path, key), found)
    # 1, 1.0 and True are equal in Python, but not in JSON.
    elif len({(type(value), dump(value)) for value in values.values()}) > 1:
        yield path


def look_up(documents: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Return each document's value at a path; documents without it are missing."""
    found = {}
    for target, document in documents.items():
        value = document
        try:
            for key in path:
                value = value[key]
        except (KeyError, IndexError):
            continue
        found[target] = value
    return found


def normalise_header(request: Request, answer: Answer, name: str) -> str | None:
    """Return a header's value without the prefix and the name of the target."""
    value = answer.header(name)
    if value is None:
        return None
    if name.lower() == "content-length" and value.isdecimal():
        return str(int(value) - len(answer.body) + len(normalise_body(request, answer)))
    if answer.prefix:
        value = re.sub(rf"{re.escape(answer.prefix)}(?=[/?#>]|$)", "{prefix}", value)
    return normalise_text(request, answer, value)


def normalise_body(request: Request, answer: Answer) -> bytes:
    """Return the body with the target's name replaced by ``{framework}``."""
    if not request.placeholders:
        return answer.body
    text = answer.body.decode(errors="surrogateescape")
    return normalise_text(request, answer, text).encode(errors="surrogateescape")


def normalise_text(request: Request, answer: Answer, text: str) -> str:
    """Replace the target's name in the request's placeholder words by ``{framework}``."""
    for word in request.placeholders:
        own = word.replace(PLACEHOLDER, answer.target)
        text = re.sub(rf"(?<!\w){re.escape(own)}(?!\w)", word, text)
    return text


def excerpts(bodies: Mapping[str, bytes]) -> dict[str, str]:
    """Return a few characters of each body around the first difference."""
    shortest = min(len(body) for body in bodies.values())
    columns = zip(*bodies.values(), strict=False)
    position = next((i for i, column in enumerate(columns) if len({*column}) > 1), shortest)
    start = max(0, position - SHOWN // 3)
    return {
        target: ("…" if start else "") + body[start : start + SHOWN].decode(errors="replace")
        for target, body in bodies.items()
    }


def shorten(text: str) -> str:
    """Cut a long value."""
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
