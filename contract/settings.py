"""The settings of the users API: typed, and read once from the environment.

No other module of the applications reads ``os.environ``. A value that does not fit stops the start
with one line that names the variable. In production a missing variable does, too.
"""

from base64 import b64decode
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, LiteralString, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ModelWrapValidatorHandler,
    RedisDsn,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from contract.addresses import POSTGRESQL, parse_address
from contract.key_file import MIN_KEY, UnusableKeyError, new_key, read_key

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"
SECRET_KEY_FILE = VAR_DIR / "secret_key"


def read_secret_key() -> SecretStr:
    """Return the key that ``manage.py prepare`` wrote, or a new key for this process.

    With the file, sessions stay valid after a restart and in several worker processes.

    Raises:
        UnusableKeyError: the file exists, but holds no key.
    """
    return SecretStr(read_key(SECRET_KEY_FILE) or new_key())


def check_database_url(url: str) -> str:
    """Refuse a URL that Flask, FastAPI and Django cannot share."""
    parse_address(url)
    return url


def check_webhook_secret(secret: SecretStr | None) -> SecretStr | None:
    """Refuse a key that is not valid or too short for signing webhooks."""
    if secret is None:
        return None
    text = secret.get_secret_value().removeprefix("whsec_").rstrip("=")
    try:
        key = b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        key = b""
    if len(key) < 24:
        raise ValueError("use whsec_ and at least 24 bytes in Base64: `openssl rand -base64 32`")
    return secret


def split_commas(value: Any) -> Any:
    """Split a string at commas; return any other value unchanged."""
    if isinstance(value, str):
        return [item.strip() for item in value.split(",") if item.strip()]
    return value


class Settings(BaseSettings):
    """The settings. The environment variable of each is its name with the prefix ``GATEWAY_``."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", frozen=True)

    env: Annotated[
        Literal["development", "production"],
        Field(description="`development` on your own machine, `production` for real traffic."),
    ] = "development"
    database_url: Annotated[
        str,
        AfterValidator(check_database_url),
        Field(description="SQLite file or PostgreSQL server that all three applications share."),
    ] = f"sqlite:///{VAR_DIR / 'gateway.sqlite3'}"
    database_timeout: Annotated[
        float,
        Field(
            gt=0,
            description="Seconds to wait for a connection, a lock or a statement of the database;"
            " then 503.",
        ),
    ] = 20.0
    # A PostgreSQL server allows 97 connections by default: enough for three pools of this size, two
    # more connections, and ten for other programs.
    threads: Annotated[
        int,
        Field(
            ge=1,
            le=1024,
            description="Threads of each WSGI mount, and size of each database connection pool.",
        ),
    ] = 28
    max_body_size: Annotated[
        int, Field(ge=0, description="Largest request body, in bytes; then 413.")
    ] = 10 * 1024 * 1024
    allowed_hosts: Annotated[
        list[str],
        NoDecode,
        BeforeValidator(split_commas),
        Field(description="Allowed values of the Host header, separated by commas."),
    ] = ["localhost", "127.0.0.1", "[::1]"]
    secret_key: Annotated[
        SecretStr,
        Field(min_length=1, description="Signs sessions; default: the file var/secret_key."),
    ] = Field(default_factory=read_secret_key)
    writes: Annotated[
        Literal["open", "authenticated"],
        Field(
            description="Who may change users: everybody, or only accounts with Django's permission"
            " (the default in production)."
        ),
    ] = "open"
    pages: Annotated[
        Literal["open", "staff"],
        Field(
            description="Who may use Compare, Race, Moves and `/compare`: everybody, or only staff"
            " (the default in production)."
        ),
    ] = "open"
    files_dir: Annotated[
        Path,
        Field(description="Directory of exports; several machines need a shared one."),
    ] = VAR_DIR / "files"
    export_days: Annotated[
        float,
        Field(
            gt=0,
            le=36_500,
            description="Days until a finished export and its file are deleted.",
        ),
    ] = 7.0
    events_kept: Annotated[
        float | None,
        Field(
            gt=0,
            le=36_500,
            description="Days until an event is deleted; none: never (the default in production is"
            " 90).",
        ),
    ] = None
    job_timeout: Annotated[
        float,
        Field(
            gt=0,
            le=7 * 24 * 3600,
            description="Seconds that a background job may run; then it has failed.",
        ),
    ] = 3600.0
    redis_url: Annotated[
        RedisDsn | None,
        Field(description="Redis server for Django's cache; none: each process has its own cache."),
    ] = None
    webhook_secret: Annotated[
        SecretStr | None,
        AfterValidator(check_webhook_secret),
        Field(description="Key of signed webhooks, `whsec_` and Base64; none: webhooks get 503."),
    ] = None
    debug: Annotated[
        bool, Field(description="Show Django's debug pages instead of problem documents.")
    ] = False

    @property
    def max_wait(self) -> int:
        """The most milliseconds for ``/api/wait``: a wait holds a thread of a WSGI mount."""
        return 100 if self.env == "production" else 10_000

    @model_validator(mode="wrap")
    @classmethod
    def check_production(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Refuse settings that are unsafe in production, together with other invalid values."""
        if values.get("env") != "production":
            return handler(values)
        errors = [*find_missing(values)]
        try:
            # A key that is missing is among the errors already; the file is not for production.
            defaults = {"writes": "authenticated", "pages": "staff", "events_kept": 90.0}
            settings = handler({"secret_key": new_key(), **defaults, **values})
        except ValidationError as error:
            errors += error.errors(include_url=False)  # type: ignore[arg-type]
        if errors:
            raise ValidationError.from_exception_data("Settings", errors)
        return settings


def find_missing(values: dict[str, Any]) -> Iterator[InitErrorDetails]:
    """Yield an error for each setting that is missing or unsafe in production.

    Args:
        values: the values in the environment.
    """

    def error(name: str, message: LiteralString) -> InitErrorDetails:
        return {"type": PydanticCustomError("production", message), "loc": (name,), "input": None}

    if len(values.get("secret_key", "")) < MIN_KEY:
        yield error("secret_key", "production needs a long one, as from `openssl rand -base64 48`")
    hosts = split_commas(values.get("allowed_hosts"))
    if not hosts or "*" in hosts:
        yield error("allowed_hosts", "production needs the host names of the site")
    if not values.get("database_url", "").startswith(POSTGRESQL):
        yield error("database_url", "production needs a PostgreSQL server, postgresql://…")
    if str(values.get("debug", "")).lower() not in ("", "0", "false", "no", "off"):
        yield error("debug", "production must not show debug pages; unset it")


@cache
def get_settings() -> Settings:
    """Read the settings from the environment; cached.

    Raises:
        SystemExit: a value does not fit, and the message has one line for each such variable; or
            the file of the secret key is unusable.
    """
    try:
        return Settings()
    except UnusableKeyError as error:
        raise SystemExit(str(error)) from None
    except ValidationError as error:
        problems = [
            f"GATEWAY_{str(item['loc'][0]).upper()}: {item['msg'].removeprefix('Value error, ')}"
            for item in error.errors(include_url=False, include_input=False)
        ]
        raise SystemExit("\n".join(problems)) from None


def find_workers_fault() -> str | None:
    """Return why several worker processes cannot serve together, or None when they can.

    Without a shared secret key, each process would sign sessions with its own key.
    """
    if "secret_key" in get_settings().model_fields_set or SECRET_KEY_FILE.is_file():
        return None
    return "GATEWAY_SECRET_KEY is missing: set it, or run `manage.py prepare` first"
