"""What gateway.toml may contain, and what is wrong with it, by line."""

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from framework_gateway.cli.file.document import Place
from framework_gateway.cli.file.reading import FileError, parse_file, read_file
from framework_gateway.cli.file.variables import substitute
from tests.documents import DOCS, blocks
from tests.reference import SCHEMA

INTEGER = "Input should be a valid integer"


def problems(directory: Path, text: str) -> list[str]:
    """Return what is wrong with a text, as ``line: message``."""
    file = directory / "gateway.toml"
    file.write_text(text)
    return [f"{found.line}: {found.message}" for found in parse_file(file).findings]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Unknown members, at each level
        ("prot = 1", ["1: prot: unknown"]),
        ("mount = []", ["1: mount: unknown; did you mean mounts?"]),
        ("port = 1", ["1: port: unknown; it belongs to the table [server]"]),
        ("[server]\nprot = 1", ["2: server.prot: unknown; did you mean port?"]),
        (
            "[server]\nmax-requests = 1",
            ["2: server.max-requests: unknown; did you mean max_requests?"],
        ),
        (
            "[[mounts]]\nprefix='/'\napplication='a'\nGrace = 1",
            ["4: mounts[0].Grace: unknown; did you mean grace?"],
        ),
        (
            "[[mounts]]\nprefix='/'\napplication='a'\nbase = 'x'",
            ["4: mounts[0].base: unknown; it belongs to the top of the file"],
        ),
        ("[server]\nzzzz = 1", ["2: server.zzzz: unknown"]),
        # Missing members
        (
            "\n\n[[mounts]]",
            ["3: mounts[0].prefix: missing", "3: mounts[0].application: missing"],
        ),
        # Wrong types, nested
        ("server = 5", ["1: server: must be a table"]),
        ("server = []", ["1: server: must be a table"]),
        ("[[server]]", ["1: server: must be a table"]),
        ("mounts = {}", ["1: mounts: must be an array"]),
        ("mounts = [1]", ["1: mounts[0]: must be a table"]),
        ("[mounts]\n'/shop' = 'shop'", ["1: mounts: must be an array"]),
        ("companions = 'x'", ["1: companions: must be a table"]),
        ("[companions]\nx = 5", ["2: companions.x: must be an array"]),
        ("[companions]\nx = ['a',\n5]", ["2: companions.x[1]: Input should be a valid string"]),
        ("[companions]\nx.y = 'a'", ["2: companions.x: must be an array"]),
        ("[links]\nx = ''", ["2: links.x: String should match pattern '^/'"]),
        ("base = 5", ["1: base: Input should be a valid string"]),
        ("base = ''", ["1: base: String should have at least 1 character"]),
        ("app_dir = 1979-05-27", ["1: app_dir: Input should be a valid string"]),
        # Values of settings
        ("[server]\nport = 07:32:00", [f"2: server.port: {INTEGER}"]),
        ("[server]\nport = 1979-05-27", [f"2: server.port: {INTEGER}"]),
        ("[server]\nport = true", ["2: server.port: must not be a boolean"]),
        (
            "[server]\nport = 1.5",
            [f"2: server.port: {INTEGER}, got a number with a fractional part"],
        ),
        ("[server]\nport = 65536", ["2: server.port: Input should be less than or equal to 65535"]),
        (
            f"[server]\nport = {'9' * 400}",
            ["2: server.port: Input should be less than or equal to 65535"],
        ),
        (
            "[server]\nhead_timeout = nan",
            ["2: server.head_timeout: Input should be a finite number"],
        ),
        (
            "[server]\nhead_timeout = inf",
            ["2: server.head_timeout: Input should be a finite number"],
        ),
        (
            "[server]\nhead_timeout = 1e300",
            ["2: server.head_timeout: Input should be less than or equal to 86400"],
        ),
        (
            "[server]\nenv = 'prod'",
            ["2: server.env: Input should be 'development' or 'production'"],
        ),
        (
            "[server]\ntrusted_proxies = ['10.0.0.0/8',\n'proxy']",
            ["2: server.trusted_proxies[1]: 'proxy' does not appear to be an IPv4 or IPv6 network"],
        ),
        # Prefixes
        *(
            (
                f"[[mounts]]\nprefix = '{prefix}'\napplication = 'a'",
                [
                    "2: mounts[0].prefix: a prefix is / or a path such as /shop, of letters,"
                    " digits and . _ ~ -, without a slash at its end"
                ],
            )
            for prefix in ("shop", "/shop/", "//", "", "/läden", "/a b", "/../a", "/a?b")
        ),
        (
            "[[mounts]]\nprefix = '/health'\napplication = 'a'",
            [
                "2: mounts[0].prefix: /health cannot be a prefix: the gateway serves"
                " /health/live and /health/ready"
            ],
        ),
        (
            "[[mounts]]\nprefix = '/a'\napplication = 'a'\n[[mounts]]\napplication = 'b'\n"
            "prefix = '/a'",
            ["6: mounts[1].prefix: /a is already on line 2"],
        ),
        # Commands
        ('[companions]\nx = "it\'s"', ["2: companions.x: No closing quotation"]),
        (
            "[companions]\nx = ' '",
            ["2: companions.x: Value should have at least 1 item after validation, not 0"],
        ),
        # Variables
        (
            "[server]\nhost = '${NOT_SET_HERE}'",
            ["2: server.host: the environment variable NOT_SET_HERE is not set"],
        ),
        (
            "[server]\nport = '${NOT_SET_HERE}'",
            ["2: server.port: the environment variable NOT_SET_HERE is not set"],
        ),
        (
            "[server]\nhost = '${'",
            ["2: server.host: write ${NAME} or ${NAME:-default}; $${ is a literal ${"],
        ),
    ],
)
@pytest.mark.usefixtures("project")
def test_each_problem_has_its_line(project: Path, text: str, expected: Sequence[str]) -> None:
    found = problems(project, text)
    assert len(found) == len(expected), found
    for one, begin in zip(found, expected, strict=True):
        assert one.startswith(begin)


def test_all_problems_are_found_at_once(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_MAX_HEADERS", "x")
    file = project / "gateway.toml"
    file.write_text("bas = 'x'\n[server]\nport = 'x'\n[[mounts]]\nprefix = 'x'\nthreads = 0\n")
    with pytest.raises(FileError) as caught:
        read_file(file)
    assert str(caught.value).splitlines() == [
        f"environment: error: GATEWAY_MAX_HEADERS: {INTEGER}, unable to parse string as an integer",
        f"{file}:1: error: bas: unknown; did you mean base?",
        f"{file}:3: error: server.port: {INTEGER}, unable to parse string as an integer",
        f"{file}:4: error: mounts[0].application: missing",
        f"{file}:5: error: mounts[0].prefix: a prefix is / or a path such as /shop, of letters,"
        " digits and . _ ~ -, without a slash at its end",
        f"{file}:6: error: mounts[0].threads: Input should be greater than or equal to 1",
    ]


def test_a_wrong_variable_does_not_matter_where_the_file_has_the_setting(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_PORT", "x")
    assert problems(project, "[server]\nport = 1") == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${A_NAME}", "value"),
        ("x${A_NAME}y${A_NAME}", "xvalueyvalue"),
        ("${A_NAME:-other}", "value"),
        ("${NOT_SET:-other}", "other"),
        ("${EMPTY:-other}", "other"),
        ("${EMPTY}", ""),
        ("${NOT_SET:-}", ""),
        ("${NOT_SET:-:-$}", ":-$"),
        ("$${A_NAME}", "${A_NAME}"),
        ("$A_NAME $ {A_NAME}", "$A_NAME $ {A_NAME}"),
        ("$$${A_NAME}", "$${A_NAME}"),
    ],
)
def test_variables_are_replaced(monkeypatch: pytest.MonkeyPatch, text: str, value: str) -> None:
    monkeypatch.setenv("A_NAME", "value")
    monkeypatch.setenv("EMPTY", "")
    data = {"a": {"b": [text, {"c": text}], "d": 1}}
    assert [*substitute(data)] == []
    assert data == {"a": {"b": [value, {"c": value}], "d": 1}}


@pytest.mark.parametrize("text", ["${NOT_SET}", "${}", "${1}", "${a-b}", "${A", "${A:x}", "${A:-"])
def test_a_variable_that_cannot_be_replaced_has_a_place(text: str) -> None:
    found: list[tuple[Place, str]] = [*substitute({"a": ["", {"b": text}]})]
    assert [place for place, _ in found] == [["a", 1, "b"]]


def test_the_value_of_a_variable_is_not_replaced_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_NAME", "${A_NAME}")
    data: dict[str, Any] = {"a": "${A_NAME}"}
    assert [*substitute(data)] == []
    assert data["a"] == "${A_NAME}"


def test_a_variable_can_be_a_number_or_a_list(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_PORT", "8123")
    file = project / "gateway.toml"
    file.write_text(
        "[server]\nport = '${A_PORT}'\nallowed_hosts = '${HOSTS:-a.example,b.example}'\n"
        "traces = '${TRACES:-false}'"
    )
    settings = read_file(file).settings
    assert settings == {
        "port": 8123,
        "allowed_hosts": ["a.example", "b.example"],
        "traces": False,
    }


# The JSON Schema


EXAMPLES = [
    code
    for page in DOCS.glob("*.md")
    for code in blocks(page, "toml")
    if not code.startswith(("[tool.", "name ="))  # pyproject.toml, and claims of your own
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_of_the_docs_are_valid(project: Path, example: str) -> None:
    assert problems(project, example) == []
    jsonschema.validate(tomllib.loads(example), json.loads(SCHEMA.read_text()))


@pytest.mark.parametrize(
    "text",
    [
        "x = 1",
        "[server]\nx = 1",
        "[server]\nport = -1",
        "[server]\nport = 'a'",
        "[[mounts]]\nprefix = '/a'",
        "[[mounts]]\nprefix = '/a'\napplication = 'a'\nx = 1",
        "[[mounts]]\nprefix = '/a'\napplication = 'a'\nthreads = 0",
        "[companions]\na = 1",
        "[links]\na = 'x'",
    ],
)
def test_the_schema_refuses_what_the_gateway_refuses(project: Path, text: str) -> None:
    assert problems(project, text) != []
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tomllib.loads(text), json.loads(SCHEMA.read_text()))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[server]\nport = '${PORT:-1}'\ntraces = '${T:-true}'\nenv = '${E:-development}'",
        "[server]\nallowed_hosts = 'a,b'",
        "[[mounts]]\nprefix = '/a'\napplication = 'a'\nthreads = '${N:-3}'\nkind = 'wsgi'",
        "[companions]\na = 'x y'\nb = ['x', 'y']",
    ],
)
def test_the_schema_accepts_what_the_gateway_accepts(project: Path, text: str) -> None:
    assert problems(project, text) == []
    jsonschema.validate(tomllib.loads(text), json.loads(SCHEMA.read_text()))


def test_the_schema_describes_every_member() -> None:
    def properties(schema: Any) -> list[Any]:
        inner = schema.values() if isinstance(schema, dict) else schema
        found = [*schema.get("properties", {}).items()] if isinstance(schema, dict) else []
        return found + [
            one for part in inner if isinstance(part, dict | list) for one in properties(part)
        ]

    found = properties(json.loads(SCHEMA.read_text()))
    assert len(found) > 40
    assert [name for name, schema in found if not schema.get("description")] == []
