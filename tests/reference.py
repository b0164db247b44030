"""Writes what README and the guide say about options and results, from where these are defined.

``python -m tests.reference`` rewrites the rows of the tables of options, the JSON Schema, the
tables of the benchmarks' results (``showdown.bench.published``), and what stands between
``<!-- begin NAME -->`` and ``<!-- end NAME -->``. A table of options begins with the member of its
first row, and ends before that of the next table.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from contract.settings import Settings
from framework_gateway.cli.file.model import GatewayFile, MountEntry, MoveEntry
from framework_gateway.cli.file.schema import as_json
from framework_gateway.config import Config
from framework_gateway.migrate.bounds import BreakerOptions, EvidenceOptions, Limits, Ready
from framework_gateway.migrate.options import Rule
from framework_gateway.mounts.options import MountOptions
from framework_gateway.processes.options import Process
from showdown.bench import published
from showdown.claims import results, wording
from tests.documents import DOCS, PAGES

SETTINGS = {
    f"GATEWAY_{name.upper()}": field
    for name, field in {**Config.model_fields, **Settings.model_fields}.items()
}
# Those of the mount itself first, then those of the models that it extends.
OPTIONS = {
    name: MountOptions.model_fields[name]
    for name in {**MountOptions.__annotations__, **MountOptions.model_fields}
}
ENTRY = MountEntry.model_fields.keys() - MountOptions.model_fields.keys()
# The members that the tables of each page list, by the names that they have there.
MEMBERS: dict[str, Mapping[str, FieldInfo]] = {
    "settings": SETTINGS,
    "mounting": OPTIONS,
    "processes": Process.model_fields,
    "configuration": {
        **GatewayFile.model_fields,
        **{name: field for name, field in MountEntry.model_fields.items() if name in ENTRY},
    },
}
NESTED: dict[str, type[BaseModel]] = {
    "rules": Rule,
    "limits": Limits,
    "evidence": EvidenceOptions,
    "breaker": BreakerOptions,
    "ready": Ready,
}
MEMBERS["moving"] = {
    **{
        name: MoveEntry.model_fields[name]
        for name in {**MoveEntry.__annotations__, **MoveEntry.model_fields}
        if name not in NESTED
    },
    **{
        f"{table}.{name}": field
        for table, model in NESTED.items()
        for name, field in model.model_fields.items()
    },
}
OF_THE_MACHINE = {
    "GATEWAY_DATABASE_URL": "`sqlite:///…/var/gateway.sqlite3`",
    "GATEWAY_FILES_DIR": "`…/var/files`",
    "GATEWAY_SECRET_KEY": "the file `var/secret_key`",
}
SCHEMA = DOCS / "gateway.schema.json"


def published_claims() -> Mapping[str, Any]:
    """Return the published run of the claims."""
    run = results.read(results.PUBLISHED)
    assert run, f"{results.PUBLISHED} is missing, or of another version"
    return run


# What pages quote, by the name in the markers.
QUOTED: dict[str, Callable[[], str]] = {
    "claims": lambda: wording.table(published_claims()),
    "claims summary": lambda: wording.summary(published_claims()),
}
MARKED = re.compile(r"(<!-- begin ([\w -]+) -->\n).*?\n?(<!-- end \2 -->)", re.S)

TABLE = re.compile(r"^(\| \w+ \| default \| meaning \|\n\|---\|---\|---\|\n)((?:\|.*\n)+)", re.M)


def rewritten(page: str, text: str) -> str:
    """Return a page with the rows of its tables as the models have them."""
    members = MEMBERS[page]
    names = [*members]
    starts = [row_name(found[2]) for found in TABLE.finditer(text)]
    ends = [*starts[1:], None]
    following = dict(zip(starts, ends, strict=True))

    def rows(found: re.Match[str]) -> str:
        first = row_name(found[2])
        last = following[first]
        part = names[names.index(first) : None if last is None else names.index(last)]
        return found[1] + "".join(f"{row(name, members[name])}\n" for name in part)

    return TABLE.sub(rows, text)


def filled(text: str) -> str:
    """Return a page with what its comments name."""
    quoted = MARKED.sub(lambda found: f"{found[1]}{QUOTED[found[2]]()}\n{found[3]}", text)
    return published.rewritten(quoted)


def row_name(rows: str) -> str:
    """Return the name in the first row."""
    return rows.split("`")[1]


def row(name: str, field: FieldInfo) -> str:
    """Return the row of a table."""
    default = OF_THE_MACHINE.get(name, f"`{default_of(field)}`")
    return f"| `{name}` | {default} | {field.description} |"


def default_of(field: FieldInfo) -> str:
    """Return a default as the docs show it."""
    default = field.default
    if field.is_required():
        return "required"
    if default in (None, "", [], {}) or field.default_factory is not None:
        return "none"
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, list):
        return ",".join(default)
    return f"{default:g}" if isinstance(default, float) else str(default)


def documents() -> Iterator[tuple[Path, str]]:
    """Yield each file that has generated parts, and what it should contain."""
    for page in MEMBERS:
        file = DOCS / f"{page}.md"
        yield file, rewritten(page, file.read_text())
    for file in PAGES:
        text = file.read_text()
        if MARKED.search(text) or published.SECTION.search(text):
            yield file, filled(text)
    yield SCHEMA, as_json()


if __name__ == "__main__":
    for file, text in documents():
        file.write_text(text)
