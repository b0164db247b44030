"""The options of ``gateway compare`` that say which requests are sent."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from framework_gateway.cli.types import Number

if TYPE_CHECKING:
    from framework_gateway.compare.inputs import Input
    from framework_gateway.compare.messages import Request
    from framework_gateway.compare.targets import Target

SOURCES = ("file", "har", "access_log", "openapi", "curl")
DOCUMENT = "/openapi.json"
LARGEST_DOCUMENT = 16 * 1024 * 1024  # bytes
KEPT_IN_MEMORY = 1024 * 1024  # bytes of standard input; the rest goes to a temporary file

WITH_MARK = "utf-8-sig"  # UTF-8; Windows programs begin it with a byte order mark

OPTIONS = (
    click.option(
        "--file",
        type=click.File(encoding=WITH_MARK),
        metavar="FILE",
        help="Send the requests of this file, one JSON object per line.",
    ),
    click.option(
        "--har",
        type=click.File(encoding=WITH_MARK),
        metavar="FILE",
        help="Send the requests of this HTTP Archive.",
    ),
    click.option(
        "--access-log",
        type=click.File(errors="replace"),
        metavar="FILE",
        help="Send the requests of this access log, in the common or combined format.",
    ),
    click.option(
        "--curl", multiple=True, metavar="COMMAND", help="Send the request of this curl command."
    ),
    click.option(
        "--openapi",
        metavar="FILE|URL|TARGET",
        help="Generate requests from this OpenAPI document, or from that of a target"
        f" (TARGET or TARGET:/path; the path is {DOCUMENT} unless given).",
    ),
    click.option("--origin", metavar="URL", help="Of an HTTP Archive: the origin to select."),
    click.option("--secrets", is_flag=True, help="Keep credentials in HTTP Archives."),
    click.option("--unsafe", is_flag=True, help="Also send recorded or generated unsafe methods."),
    click.option(
        "--max-examples",
        default=50,
        show_default=True,
        type=Number(1),
        metavar="N",
        help="With --openapi: valid, and as many invalid, requests for each operation.",
    ),
)


def input_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True)
class Chosen:
    """Where the requests come from: exactly one source.

    Attributes:
        request: the request of the command line; None if there is another source.
        headers: headers that are added to requests of another source, unless they have them.
    """

    request: "Request | None" = None
    headers: Sequence[tuple[str, str]] = ()
    file: IO[str] | None = None
    har: IO[str] | None = None
    access_log: IO[str] | None = None
    openapi: str | None = None
    curl: Sequence[str] = ()
    origin: str | None = None
    secrets: bool = False
    unsafe: bool = False
    max_examples: int = 50

    def __post_init__(self) -> None:
        sources = [name for name in ("request", *SOURCES) if getattr(self, name)]
        if len(sources) != 1:
            options = ", ".join(f"--{name.replace('_', '-')}" for name in SOURCES)
            raise click.UsageError(f"give a path that begins with /, or one of {options}")
        if self.origin and not self.har:
            raise click.UsageError("--origin selects requests of an HTTP Archive; also give --har")

    @property
    def is_many(self) -> bool:
        """Whether a summary is shown, not a single comparison."""
        return self.request is None and len(self.curl) != 1

    async def open(self, targets: "Sequence[Target]" = (), seed: int = 0) -> "Input":
        """Return the requests.

        Raises:
            UsageError: they cannot be read.
        """
        from framework_gateway.compare.inputs import InputError

        try:
            found = await self._open(targets, seed)
        except InputError as error:
            raise click.UsageError(f"{self.name}: {error}") from error
        if found.total == 0:
            raise click.UsageError(f"{self.name} contains no requests")
        if self.headers and self.request is None:
            found.requests = map(self._with_headers, found.requests)
        return found

    def _with_headers(self, request: "Request") -> "Request":
        names = {name.lower() for name, _ in request.headers}
        added = [(name, value) for name, value in self.headers if name.lower() not in names]
        return replace(request, headers=(*request.headers, *added))

    @property
    def name(self) -> str:
        """The name of the file, or the option."""
        file = self.file or self.har or self.access_log
        return file.name if file else f"--openapi {self.openapi}" if self.openapi else "--curl"

    async def _open(self, targets: "Sequence[Target]", seed: int) -> "Input":
        from framework_gateway.compare.inputs import Input, curl, lines

        if self.request is not None:
            return Input("request", [self.request], 1)
        if self.curl:
            return Input("--curl", [curl.read_curl(text) for text in self.curl], len(self.curl))
        if self.file:
            return lines.read_lines(seekable(self.file))
        found = await self._document(targets, seed) if self.openapi else self._recorded()
        if not self.unsafe:
            found.only_safe()
        return found

    def _recorded(self) -> "Input":
        """Return the requests of an archive or a log."""
        from framework_gateway.compare.inputs import Input, access_log, har

        found = Input(self.name, ())
        if self.har:
            requests = [
                *har.read_archive(self.har, found.skipped, origin=self.origin, secrets=self.secrets)
            ]
            found.requests, found.total = requests, len(requests)
        elif self.access_log:
            file = seekable(self.access_log)
            found.total = sum(1 for line in file)
            file.seek(0)
            found.requests = access_log.read_access_log(file, found.skipped)
        return found

    async def _document(self, targets: "Sequence[Target]", seed: int) -> "Input":
        """Return the requests that an OpenAPI document describes, and those learnt on the way."""
        from framework_gateway.compare.inputs import Input, openapi
        from framework_gateway.compare.learning import Learner

        keep_hypothesis_files_apart()
        name, _, path = str(self.openapi).partition(":")
        target = next((one for one in targets if one.name == name), None)
        if target is None:
            schema, prefix = openapi.load(str(self.openapi)), ""
        else:
            schema, prefix = await self._fetch(target, path or DOCUMENT), urlsplit(target.url).path
        found = Input(self.name, (), templates=openapi.templates(schema, prefix))
        learner = Learner(found.templates)
        generate = partial(
            openapi.generate,
            schema,
            found.skipped,
            prefix=prefix,
            unsafe=self.unsafe,
            max_examples=self.max_examples,
            seed=seed,
        )
        found.requests, found.learn = then(generate, learner.requests), learner.learn
        return found

    async def _fetch(self, target: "Target", path: str) -> Any:
        """Return the schema of the OpenAPI document that a target serves."""
        from framework_gateway.compare.inputs import InputError, openapi
        from framework_gateway.compare.messages import Request
        from framework_gateway.compare.targets import TargetError
        from framework_gateway.compare.words import describe

        request = self._with_headers(Request("GET", path)).with_defaults()
        try:
            answer = await target.answer(request, LARGEST_DOCUMENT)
        # An application may raise anything.
        except Exception as error:
            raise TargetError(
                f"{target.name} does not answer GET {path}: {describe(error)}"
            ) from error
        if answer.status != 200:
            raise InputError(f"{target.name} answers {answer.status} to GET {path}")
        return openapi.parse(answer.body, target.name)


def then(*sources: "Callable[[], Iterable[Request]]") -> "Iterator[Request]":
    """Yield the requests of one source after the other; each is asked when its turn comes."""
    for source in sources:
        yield from source()


def keep_hypothesis_files_apart() -> None:
    """Let Hypothesis write its caches into a temporary directory, not into the user's."""
    import tempfile

    try:
        from hypothesis.configuration import set_hypothesis_home_dir
    except ImportError:
        return  # the extra is not installed, which is said where it is needed
    directory = tempfile.TemporaryDirectory(prefix="gateway-")
    click.get_current_context().with_resource(directory)
    set_hypothesis_home_dir(directory.name)


def seekable(file: IO[str]) -> IO[str]:
    """Return a file that can be read again; standard input is copied."""
    import shutil
    import tempfile

    if file.seekable():
        return file
    # Click closes it at the end of the command.
    copy = tempfile.SpooledTemporaryFile(KEPT_IN_MEMORY, "w+", encoding="utf-8")  # noqa: SIM115
    click.get_current_context().with_resource(copy)
    shutil.copyfileobj(file, copy)
    copy.seek(0)
    return copy
