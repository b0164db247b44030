"""The settings: documented, validated, and read in one place."""

import ast
import re
from base64 import b64encode
from pathlib import Path

import pytest
from pydantic import ValidationError

from contract.settings import Settings, get_settings
from framework_gateway.config import Config, get_config
from tests.reference import MEMBERS, documents
from tests.servers import ROOT

DJANGO_DEFAULT = 'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_app.settings")'
DJANGO_ENTRIES = {"manage.py"}
# These modules watch what mounted applications do to the environment, or do it as applications.
WATCH_IT = {
    "framework_gateway/mounts/django_recorder.py",
    "framework_gateway/mounts/django_settings.py",
    "framework_gateway/mounts/probes.py",
    "showdown/claims/apps/cached_django.py",
    "showdown/claims/apps/upstream.py",
    "showdown/demo/new.py",
}
# These modules pass the environment on, to processes or to a file that names variables.
HAND_IT_ON = {
    "django_app/postgresql_programs.py",
    "framework_gateway/processes/plan.py",
    "framework_gateway/cli/file/variables.py",  # ${NAME} in gateway.toml names what it wants
    "framework_gateway/server/companions.py",
    "showdown/bench/servers.py",
    "showdown/demo/move.py",
}
SHARED = Config.model_fields.keys() & Settings.model_fields.keys()


def test_the_default_pools_fit_a_default_postgresql_server() -> None:
    # Of 100 connections, three are for superusers and ten for jobs and for people.
    assert 3 * Settings.model_fields["threads"].default + 2 <= 100 - 3 - 10


def test_the_reference_is_generated_from_the_models() -> None:
    for file, text in documents():
        assert file.read_text() == text, "run python -m tests.reference"


def test_every_member_is_in_a_table() -> None:
    for page, members in MEMBERS.items():
        text = (ROOT / "docs" / f"{page}.md").read_text()
        listed = [row.split("`")[1] for row in re.findall(r"^\| `.*$", text, re.M)]
        assert [name for name in listed if name in members] == [*members]


@pytest.mark.parametrize("name", sorted(SHARED))
def test_settings_of_both_have_the_same_meaning(name: str) -> None:
    """An application alone reads it from the contract's settings, the gateway from its own."""
    one, other = Config.model_fields[name], Settings.model_fields[name]
    assert (one.default, one.annotation) == (other.default, other.annotation)
    assert [type(item) for item in one.metadata] == [type(item) for item in other.metadata]


def test_the_settings_have_their_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"GATEWAY_{name.upper()}", raising=False)
    settings = Settings()
    assert settings.database_url == f"sqlite:///{ROOT / 'var' / 'gateway.sqlite3'}"
    assert len(settings.secret_key.get_secret_value()) >= 50
    assert settings.allowed_hosts == ["localhost", "127.0.0.1", "[::1]"]
    assert not settings.debug


@pytest.mark.parametrize(
    ("value", "hosts"),
    [
        ("example.com", ["example.com"]),
        ("example.com,www.example.com", ["example.com", "www.example.com"]),
        (" example.com , [::1] ,", ["example.com", "[::1]"]),
        ("", []),
    ],
)
def test_a_list_is_split_at_commas(
    monkeypatch: pytest.MonkeyPatch, value: str, hosts: list[str]
) -> None:
    monkeypatch.setenv("GATEWAY_ALLOWED_HOSTS", value)
    assert Settings().allowed_hosts == hosts


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("sqlite:///file.sqlite3", "sqlite:///file.sqlite3"),
        ("sqlite:////srv/file.sqlite3", "sqlite:////srv/file.sqlite3"),
        ("postgresql://user:p%40ss@host:5433/name", "postgresql://user:p%40ss@host:5433/name"),
        ("postgres://user@host/name", "postgres://user@host/name"),
        ("postgresql://host/name?sslmode=require", "postgresql://host/name?sslmode=require"),
    ],
)
def test_supported_database_urls_are_accepted(
    monkeypatch: pytest.MonkeyPatch, url: str, read: str
) -> None:
    monkeypatch.setenv("GATEWAY_DATABASE_URL", url)
    assert Settings().database_url == read


@pytest.mark.parametrize(
    "url",
    [
        "",
        "file.sqlite3",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///file.sqlite3?mode=memory&uri=true",
        "mysql://user@host/name",
        "postgresql+asyncpg://user@host/name",
        "sqlite+aiosqlite:///file.sqlite3",
    ],
)
def test_unsupported_database_urls_are_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("GATEWAY_DATABASE_URL", url)
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert [error["loc"] for error in caught.value.errors()] == [("database_url",)]


def read_all() -> None:
    """Read both settings objects, as ``gateway serve`` does."""
    get_config.__wrapped__()
    get_settings.__wrapped__()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "x"),
        ("PORT", "-1"),
        ("PORT", "65536"),
        ("THREADS", "0"),
        ("DATABASE_TIMEOUT", "0"),
        ("MAX_BODY_SIZE", "-1"),
        ("GRACEFUL_TIMEOUT", "-1"),
        ("SECRET_KEY", ""),
        ("DEBUG", "maybe"),
    ],
)
def test_an_invalid_value_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"GATEWAY_{name}", value)
    with pytest.raises(SystemExit) as caught:
        read_all()
    assert isinstance(caught.value.code, str)
    assert caught.value.code.startswith(f"GATEWAY_{name}: ")
    assert len(caught.value.code.splitlines()) == 1


def test_every_invalid_value_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_THREADS", "x")
    monkeypatch.setenv("GATEWAY_DATABASE_URL", "mysql://host/name")
    with pytest.raises(SystemExit) as caught:
        get_settings.__wrapped__()
    assert str(caught.value.code).splitlines() == [
        "GATEWAY_DATABASE_URL: use sqlite:///file.sqlite3 or postgresql://user:password@host/name",
        "GATEWAY_THREADS: Input should be a valid integer, unable to parse string as an integer",
    ]


def test_the_secret_key_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_SECRET_KEY", "only the environment knows")
    assert "only the environment" not in repr(Settings())


def sources() -> list[Path]:
    """Return the project's own modules, without the tests."""
    packages = {path.parent for path in ROOT.glob("*/__init__.py")} - {ROOT / "tests"}
    return [*ROOT.glob("*.py"), *(file for package in packages for file in package.rglob("*.py"))]


def uses_of_the_environment(source: str) -> list[str]:
    """Return the functions of ``os`` with which a module accesses the environment."""
    names = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module == "os":
            found += [alias.name for alias in node.names if alias.name in names]
        if isinstance(node, ast.Attribute) and node.attr in names:
            found += [ast.unparse(node)] if ast.unparse(node.value) == "os" else []
    return found


def test_nothing_else_reads_the_environment() -> None:
    found = {
        str(file.relative_to(ROOT)): uses
        for file in sources()
        if (uses := uses_of_the_environment(file.read_text()))
    }
    assert found.keys() == DJANGO_ENTRIES | HAND_IT_ON | WATCH_IT
    assert {name for uses in found.values() for name in uses} == {"os.environ"}
    for entry in DJANGO_ENTRIES:
        assert DJANGO_DEFAULT in (ROOT / entry).read_text()


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_%%%", "whsec_c2hvcnQ="])
def test_an_invalid_webhook_secret_is_refused(monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    monkeypatch.setenv("GATEWAY_WEBHOOK_SECRET", secret)
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert [error["loc"] for error in caught.value.errors()] == [("webhook_secret",)]


@pytest.mark.parametrize("size", [24, 25, 26, 32])
@pytest.mark.parametrize("prefix", ["whsec_", ""])
def test_a_webhook_secret_can_omit_the_padding(
    monkeypatch: pytest.MonkeyPatch, size: int, prefix: str
) -> None:
    secret = prefix + b64encode(b"k" * size).decode()
    for spelling in (secret, secret.rstrip("=")):
        monkeypatch.setenv("GATEWAY_WEBHOOK_SECRET", spelling)
        found = Settings().webhook_secret
        assert found is not None
        assert found.get_secret_value() == spelling


def test_an_invalid_proxy_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_TRUSTED_PROXIES", "10.0.0.0/8,proxy")
    with pytest.raises(SystemExit, match=r"^GATEWAY_TRUSTED_PROXIES: .*'proxy'.*$"):
        get_config.__wrapped__()
