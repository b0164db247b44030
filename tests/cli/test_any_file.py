"""Whatever TOML a file has, its problems are found; nothing raises."""

import json
from datetime import date
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from framework_gateway.cli.checking import find_nested, find_unusable, steps_of
from framework_gateway.cli.file.model import GatewayFile, MountEntry
from framework_gateway.cli.file.reading import FileError, parse_file
from framework_gateway.config import Config
from framework_gateway.processes.options import Process

KEYS = sorted(
    {
        *(*GatewayFile.model_fields, *MountEntry.model_fields),
        *(*Config.model_fields, *Process.model_fields, "unknown", "a.b", ""),
    }
)
TEXTS = ["/", "/shop", "//", "shop:app", "${NOT_SET}", "${", "http://a,b", "development", "ä\n\x00"]
values = st.recursive(
    st.none().map(lambda _: date(2026, 1, 1))
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(TEXTS)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=12,
)
mounts = st.lists(st.dictionaries(st.sampled_from(sorted(MountEntry.model_fields)), values))
documents = st.dictionaries(st.sampled_from(KEYS), values) | st.builds(
    lambda rest, entries: {**rest, "mounts": entries},
    st.dictionaries(st.sampled_from(sorted(GatewayFile.model_fields)), values),
    mounts,
)


def toml(value: Any) -> str:
    """Return a value as TOML in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(key)} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, int | float) else str(value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(document=documents)
@example(document={"mounts": [{"prefix": []}, {"prefix": {}}, {"application": ["a", 1]}, 5]})
@example(document={"server": {"allowed_hosts": [[]], "port": {}}, "companions": {"": []}})
@example(document={"mounts": [{"prefix": "/a", "application": ["unix:/a"], "process": {}}]})
def test_any_document_is_valid_or_has_problems_with_lines(
    project: Path, document: dict[str, Any]
) -> None:
    file = project / "gateway.toml"
    lines = [f"{toml(key)} = {toml(value)}" for key, value in document.items()]
    file.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
    try:
        parsed = parse_file(file)
    except FileError:  # no TOML: a lone surrogate, for example
        return
    assert (parsed.content is None) == bool(parsed.findings)
    found = [*parsed.findings, *find_nested(parsed)]
    if parsed.content is not None:
        found += find_unusable(parsed, parsed.content, project)
    assert all(1 <= one.line <= max(len(lines), 1) for one in found if one.line is not None)
    assert all(
        place in (("base",), ("login",)) or place[0] == "mounts" for place, _ in steps_of(parsed)
    )
