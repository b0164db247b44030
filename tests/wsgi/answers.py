"""Applications that answer in different ways, for tests of the responses."""

from collections.abc import Callable, Iterable, Iterator

from tests.wsgi.responses import TEXT, Environ, StartResponse, WSGIApp

MEGABYTE = b"x" * 1_000_000


def answering(
    make: Callable[[], Iterable[bytes]], status: str = "200 OK", *headers: tuple[str, str]
) -> WSGIApp:
    """Return an application that starts its response and returns the result of ``make``."""

    def app(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response(status, [*TEXT, *headers] if status[:3] not in ("204", "304") else [])
        return make()

    return app


def chunks(*values: bytes) -> Iterator[bytes]:
    """Yield each chunk."""
    yield from values


def echoes(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with the request's body."""
    start_response("200 OK", [*TEXT])
    return [environ["wsgi.input"].read(-1)]
