"""What the WSGI applications of the tests return: bodies, files, and a greeting."""

import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

Environ = dict[str, Any]
StartResponse = Callable[..., Callable[[bytes], object]]
WSGIApp = Callable[[Environ, StartResponse], Iterable[bytes]]

TEXT = [("Content-Type", "text/plain")]


def hello(_environ: Environ, start_response: StartResponse) -> list[bytes]:
    """Answer at once."""
    start_response("200 OK", [*TEXT])
    return [b"hello"]


class Body:
    """What an application returns: chunks of any iterable, and a count of ``close()`` calls."""

    def __init__(self, chunks: Iterable[Any], error: BaseException | None = None) -> None:
        self.chunks = iter(chunks)
        self.error = error
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        chunk: bytes = next(self.chunks)
        return chunk

    def close(self) -> None:
        self.closed += 1
        if self.error is not None:
            raise self.error


class ListBody(list[Any]):
    """A list with a ``close()``; the server sends it as one complete response."""

    def __init__(self, chunks: Iterable[Any], error: BaseException | None = None) -> None:
        super().__init__(chunks)
        self.error = error
        self.closed = 0

    def close(self) -> None:
        self.closed += 1
        if self.error is not None:
            raise self.error


class File:
    """A file on disk that records in which thread it was closed."""

    def __init__(
        self, path: Path, closed: list[str] | None = None, error: BaseException | None = None
    ) -> None:
        self.file = path.open("rb")
        self.read, self.fileno = self.file.read, self.file.fileno
        self.closed = [] if closed is None else closed
        self.error = error

    def close(self) -> None:
        self.closed.append(threading.current_thread().name)
        self.file.close()
        if self.error is not None:
            raise self.error


def sending(make: Callable[[], File], *headers: tuple[str, str]) -> WSGIApp:
    """Return an application that answers with a file."""

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [*TEXT, *headers])
        wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](make())
        return wrapped

    return app
