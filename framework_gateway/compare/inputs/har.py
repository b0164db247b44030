"""Requests of an HTTP Archive, as browsers save it (HAR 1.2)."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import IO, Annotated
from urllib.parse import urlencode, urlsplit

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from framework_gateway.compare.inputs import NOT_UTF_8, InputError
from framework_gateway.compare.messages import Request
from framework_gateway.compare.redaction import without_secrets

# What the client computes anew for each target: those of the connection and of its own body.
DROPPED = frozenset(
    [
        *("host", "connection", "content-length", "transfer-encoding", "keep-alive", "te"),
        *("upgrade", "proxy-connection", "accept-encoding"),
    ]
)
SECRETS = "times the secrets of a request; --secrets sends them"
UNREADABLE_BODY = "requests whose body is not in the archive"


def checked(url: str) -> str:
    """Return a URL; raise ValueError if it is none."""
    urlsplit(url)
    return url


class Pair(BaseModel):
    """A header, or a field of a form."""

    name: str
    value: str = ""


class PostData(BaseModel):
    """The body: its text, or the fields of a form."""

    mime_type: str = Field("", alias="mimeType")
    text: str = ""
    params: Sequence[Pair] = ()


class ArchivedRequest(BaseModel):
    """The request of an entry."""

    method: str
    url: Annotated[str, AfterValidator(checked)]
    headers: Sequence[Pair] = ()
    post_data: PostData | None = Field(None, alias="postData")

    @property
    def origin(self) -> str:
        """The scheme and the authority of the URL."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


class Entry(BaseModel):
    request: ArchivedRequest


class Log(BaseModel):
    entries: Sequence[Entry]


class Archive(BaseModel):
    log: Log


def read_archive(
    file: IO[str], skipped: Counter[str], *, origin: str | None = None, secrets: bool = False
) -> Iterator[Request]:
    """Yield the requests to one origin; other origins are counted as skipped.

    Args:
        origin: scheme and host, such as ``https://shop.example``; that of the first request if
            None.
        secrets: keep credentials; otherwise headers with credentials are left out, and values
            with the name of a secret are masked.

    Raises:
        InputError: the file is not an HTTP Archive.
    """
    try:
        archive = Archive.model_validate_json(file.read())
    except UnicodeDecodeError as error:
        raise InputError(f"not an HTTP Archive: {NOT_UTF_8}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the document"
        raise InputError(f"not an HTTP Archive: {place}: {first['msg']}") from error
    for entry in archive.log.entries:
        origin = origin or entry.request.origin
        if entry.request.origin != origin.rstrip("/"):
            skipped[f"requests to {entry.request.origin}; --origin selects another origin"] += 1
            continue
        request = as_request(entry.request)
        if request is None:
            skipped[UNREADABLE_BODY] += 1
        elif secrets:
            yield request
        else:
            sent = without_secrets(request)
            if sent != request:
                skipped[SECRETS] += 1
            yield sent


def as_request(archived: ArchivedRequest) -> Request | None:
    """Return the request; None if its body is not in the archive."""
    parts = urlsplit(archived.url)
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    headers = tuple(
        (header.name, header.value)
        for header in archived.headers
        # Browsers save HTTP/2's pseudo-headers, such as ":path", too.
        if not header.name.startswith(":") and header.name.lower() not in DROPPED
    )
    body = archived.post_data.text if archived.post_data else ""
    if archived.post_data and not body and archived.post_data.params:
        if not archived.post_data.mime_type.startswith("application/x-www-form-urlencoded"):
            return None
        body = urlencode([(field.name, field.value) for field in archived.post_data.params])
    return Request(archived.method.upper(), path, headers, body.encode())
