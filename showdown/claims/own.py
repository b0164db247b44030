"""A claim of your own: a TOML file with a sentence, two targets, a workload and a ratio."""

import re
import shlex
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

import click
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from framework_gateway.cli.file.document import Document, DocumentError
from framework_gateway.cli.file.reading import MESSAGES, Finding, spell
from showdown.bench.measure import Case
from showdown.bench.samples import FIGURES
from showdown.bench.targets import Server, Target
from showdown.bench.workloads import Workload
from showdown.claims.model import LABELS, Claim, Comparison

PLACES = re.compile(r"\{\{|\}\}|\{(?:port|threads|directory)\}")
URL = re.compile("[!-z|~]+")  # visible ASCII without braces
FRAMING = {"content-length", "transfer-encoding"}
UNANSWERED = {"HEAD", "CONNECT"}

Text = Annotated[str, Field(min_length=1)]
# RFC 9110, 5.6.2 and 5.5, in ASCII.
HeaderName = Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]
HeaderValue = Annotated[str, Field(pattern=r"^[\t -~]*$")]
Connections = Annotated[int, Field(ge=1, le=1000, strict=True)]


def check_command(command: str) -> str:
    """Raise ValueError if the command cannot be split, or does not say where the port goes."""
    if "{port}" not in PLACES.findall(command):
        raise ValueError("must contain {port}")
    if {"{", "}"} & {*PLACES.sub("", command)}:
        raise ValueError("write {{ and }} for braces other than those of {port}")
    if "\0" in command:
        raise ValueError("must not contain NUL")
    shlex.split(command)
    return command


def check_url(url: str) -> str:
    """Raise ValueError if the URL is not that of a server on this machine."""
    parts = urlsplit(url)
    local = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost")
    more = parts.query or parts.fragment or "@" in parts.netloc
    if not (local and parts.port and URL.fullmatch(url)) or more:
        raise ValueError("must be http://127.0.0.1:PORT, with or without a path")
    return url


def check_method(method: str) -> str:
    """Raise ValueError if wrk would wait for a body that does not come."""
    if method in UNANSWERED:
        raise ValueError(f"wrk cannot measure {method}")
    return method


def check_headers(headers: dict[str, str]) -> dict[str, str]:
    """Raise ValueError if a header would contradict the body."""
    if found := [name for name in headers if name.lower() in FRAMING]:
        raise ValueError(f"leave out {found[0]}: the body decides it")
    return headers


class Table(BaseModel):
    """A table of the file; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OwnTarget(Table):
    """One of the two targets: a command that is started, or a server that is running."""

    title: Text
    command: Annotated[str, AfterValidator(check_command)] | None = None
    url: Annotated[str, AfterValidator(check_url)] | None = None

    @model_validator(mode="after")
    def check(self) -> Self:
        """Raise ValueError unless there is exactly one way to reach the target."""
        if (self.command is None) == (self.url is None):
            raise ValueError("needs either command or url")
        return self

    @property
    def prefix(self) -> str:
        """The path of the URL, which precedes that of the workload."""
        return urlsplit(self.url or "").path.rstrip("/")


class OwnWorkload(Table):
    """The request that wrk repeats, and the numbers of connections that send it."""

    method: Annotated[str, Field(pattern="^[A-Z]+$"), AfterValidator(check_method)] = "GET"
    path: Annotated[str, Field(pattern=r'^/[!"$-~]*$')]
    headers: Annotated[dict[HeaderName, HeaderValue], AfterValidator(check_headers)] = {}
    body: str = ""
    connections: Annotated[list[Connections], Field(min_length=1)] = [64]


class OwnClaim(Table):
    """The file."""

    name: Text
    sentence: Text
    figure: Literal["rate", "cpu", "p50", "p95", "p99"] = "rate"
    ratio: Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]
    one: OwnTarget
    other: OwnTarget
    workload: OwnWorkload

    @model_validator(mode="after")
    def check(self) -> Self:
        """Raise ValueError if the figure cannot be measured, or the targets look alike."""
        if self.figure == "cpu" and (self.one.url or self.other.url):
            raise ValueError("the figure cpu needs targets with a command")
        if self.one.title == self.other.title:
            raise ValueError("the targets need different titles")
        return self

    @property
    def targets(self) -> dict[str, OwnTarget]:
        return {"one": self.one, "other": self.other}

    def servers(self, directory: Path) -> dict[str, Server]:
        """Return the servers by name; commands run in a directory."""
        return {
            name: Server(target.command or target.url or "", cwd=directory)
            for name, target in self.targets.items()
        }

    def as_claim(self, file: Path) -> Claim:
        """Return the claim, with a comparison for each number of connections."""
        wanted = self.workload
        request = f"{wanted.method} {wanted.path}"
        workload = Workload(request, request, wanted.path, wanted.method)
        one, other = (Target(k, t.title, k, t.prefix) for k, t in self.targets.items())
        return Claim(
            self.name,
            self.sentence,
            f"{FIGURES[self.figure]} for {request}: those of {one.title} are at least"
            f" {self.ratio:g} times those of {other.title}.",
            [
                Comparison(
                    f"{request}{LABELS[self.figure]}, {number} connections:"
                    f" {one.title} to {other.title}",
                    Case(one, workload, number),
                    Case(other, workload, number),
                    self.ratio,
                    self.figure,
                )
                for number in dict.fromkeys(wanted.connections)
            ],
            servers=self.servers(file.resolve().parent),
            options=f"--own {shlex.quote(str(file))}",
        )


def read_own(file: Path) -> OwnClaim:
    """Read a claim.

    Raises:
        ClickException: the file is not such a claim; one line for each problem.
    """
    try:
        document = Document.read(file)
        return OwnClaim.model_validate(document.data)
    except DocumentError as error:
        raise click.ClickException(str(Finding(str(file), error.line, str(error)))) from error
    except ValidationError as error:
        problems = []
        for one in error.errors(include_url=False, include_input=False):
            place, kind = one["loc"], one["type"]
            message = "unknown" if kind == "extra_forbidden" else MESSAGES.get(kind, one["msg"])
            text = message.removeprefix("Value error, ")
            said = f"{spell(place)}: {text}" if place else text
            problems.append(str(Finding(str(file), document.line_of(place), said)))
        raise click.ClickException("\n".join(problems)) from error
