"""Read and validate ``gateway.toml``; each problem has a line."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from framework_gateway.cli.file.document import Document, DocumentError, Place, contains
from framework_gateway.cli.file.model import GatewayFile
from framework_gateway.cli.file.variables import substitute
from framework_gateway.cli.imports import SourceError
from framework_gateway.config import Config

NAME = "gateway.toml"
MESSAGES = {  # in place of those that speak of Python's types
    "missing": "missing",
    "model_type": "must be a table",
    "dict_type": "must be a table",
    "list_type": "must be an array",
}


@dataclass(frozen=True)
class Finding:
    """What is wrong with a file, or suspicious.

    Attributes:
        file: its name; another word for what is not in the file.
        line: counted from 1; None if the whole file is meant.
    """

    file: str
    line: int | None
    message: str
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.severity}: {self.message}"


class FileError(SourceError):
    """A file cannot be used; the message has one line for each problem."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("\n".join(map(str, findings)))
        self.findings = findings


@dataclass(frozen=True)
class Parsed:
    """A file that is TOML, and whose variables are replaced as far as possible.

    Attributes:
        content: what the file says; None if there are findings.
    """

    name: str
    document: Document
    findings: Sequence[Finding]
    content: GatewayFile | None

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that the file itself has, without those of the environment."""
        if self.content is None:
            return {}
        given = self.document.data.get("server", {})
        return {name: getattr(self.content.server, name) for name in given}

    @property
    def app_dir(self) -> Path:
        """The directory to import modules from; it may not exist."""
        return Path(self.name).parent.resolve() / str(self.document.data.get("app_dir", "."))

    def error(self, place: Place, message: str) -> Finding:
        """Return an error at a place of the document."""
        return find(self.name, self.document, place, message)

    def warning(self, place: Place, message: str) -> Finding:
        """Return a warning at a place of the document."""
        return replace(self.error(place, message), severity="warning")


def find_file(file: str | None) -> Path | None:
    """Return the file to read: the one that is named, or else that of the current directory."""
    if file is not None:
        return Path(file)
    return Path(NAME) if Path(NAME).exists() else None


def read_file(file: Path) -> Parsed:
    """Read a file that has no problems.

    Raises:
        FileError: it has problems.
    """
    parsed = parse_file(file)
    if parsed.content is None:
        raise FileError(parsed.findings)
    return parsed


def parse_file(file: Path) -> Parsed:
    """Read a file, and find its problems.

    Raises:
        FileError: it cannot be read, or is not TOML.
    """
    try:
        document = Document.read(file)
    except DocumentError as error:
        raise FileError([Finding(str(file), error.line, str(error))]) from error
    data = document.data
    problems = [(place, message) for place, message in substitute(data)]
    content = None
    try:
        content = GatewayFile.model_validate({"server": {}, **data})
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        missing = [[*place] for place, _ in problems]
        problems += [explain(one) for one in found if [*one["loc"]] not in missing]
    problems += duplicates(data, document)
    if content is not None:
        problems += booleans(data, content)
    findings = [find(str(file), document, place, message) for place, message in problems]
    findings.sort(key=lambda finding: finding.line or 0)
    return Parsed(str(file), document, findings, None if findings else content)


def find(file: str, document: Document, place: Place, message: str) -> Finding:
    """Return the finding for a problem: in the file, or of a variable of the environment."""
    match place:
        case ["server", str(name)] if name in Config.model_fields and not contains(
            document.data, place
        ):
            return Finding("environment", None, f"GATEWAY_{name.upper()}: {message}")
    return Finding(file, document.line_of(place), f"{spell(place)}: {message}")


def spell(place: Place) -> str:
    """Return how messages call a place, such as ``mounts[0].prefix``."""
    keys = (f"[{key}]" if isinstance(key, int) else f".{key}" for key in place)
    return "".join(keys).removeprefix(".")


def explain(error: ErrorDetails) -> tuple[Place, str]:
    """Return the place and the message of an error of Pydantic."""
    place, message = error["loc"], error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        return place, f"unknown{suggest(place)}"
    return place, MESSAGES.get(error["type"], message)


def suggest(place: Place) -> str:
    """Return a hint which key is meant in place of an unknown one."""
    name, model = str(place[-1]), model_at(place[:-1])
    plain = name.replace("-", "_").lower()
    if close := get_close_matches(plain, model.model_fields, 1):
        return f"; did you mean {close[0]}?"
    if plain in Config.model_fields:
        return "; it belongs to the table [server]"
    if plain in GatewayFile.model_fields:
        return "; it belongs to the top of the file, before the first table"
    return ""


def model_at(place: Place) -> type[BaseModel]:
    """Return the model of a table."""
    model: type[BaseModel] = GatewayFile
    for key in place:
        if isinstance(key, str) and key in model.model_fields:
            model = model_in(model.model_fields[key].annotation) or model
    return model


def model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model in an annotation such as ``list[Model]`` or ``Model | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(model_in, get_args(annotation))), None)


def duplicates(data: Any, document: Document) -> Iterator[tuple[Place, str]]:
    """Yield the prefixes that an earlier mount or move has."""
    first: dict[str, Place] = {}
    for table in ("mounts", "moves"):
        entries = data.get(table)
        for index, entry in enumerate(entries if isinstance(entries, list) else []):
            prefix = entry.get("prefix") if isinstance(entry, dict) else None
            if not isinstance(prefix, str):
                continue
            place = [table, index, "prefix"]
            if prefix in first:
                yield place, f"{prefix} is already on line {document.line_of(first[prefix])}"
            first.setdefault(prefix, place)


def booleans(data: Any, content: Any, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Yield the booleans that Pydantic has read as numbers."""
    for key, value in data.items() if isinstance(data, dict) else enumerate(data):
        inner = content[key] if isinstance(content, dict | list) else getattr(content, str(key))
        if isinstance(value, dict | list) and not isinstance(inner, str):
            yield from booleans(value, inner, [*place, key])
        elif isinstance(value, bool) and not isinstance(inner, bool):
            yield [*place, key], "must not be a boolean"
