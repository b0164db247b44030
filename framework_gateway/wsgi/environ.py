"""Build the WSGI environ of a request: a2wsgi's environ, with its defects corrected."""

import sys
from typing import IO, Any
from urllib.parse import quote, unquote_to_bytes

from a2wsgi.wsgi import build_environ as a2wsgi_environ
from starlette.types import Scope

from framework_gateway.wsgi.files import FileWrapper

UNDERSCORE = ord("_")  # searching bytes for an int is ten times as fast


def build_environ(scope: Scope, body: IO[bytes], length: int | None) -> dict[str, Any]:
    """Build the environ of PEP 3333.

    Args:
        scope: an ASGI HTTP scope; ``root_path`` becomes ``SCRIPT_NAME``.
        body: the complete request body, for ``wsgi.input``.
        length: its length in bytes; None when the request has no body.
    """
    ascii_query = {"query_string": b""}  # a2wsgi fails on a query that is not ASCII
    clean = {**scope, **ascii_query, "headers": wsgi_headers(scope["headers"])}
    environ: dict[str, Any] = dict(a2wsgi_environ(clean, body))  # type: ignore[arg-type]
    environ["asgi.scope"] = scope
    environ["QUERY_STRING"] = scope["query_string"].decode("latin-1")
    # a2wsgi prefers an environment variable SCRIPT_NAME of the process to the prefix.
    environ["SCRIPT_NAME"], environ["PATH_INFO"] = wsgi_path(scope)
    environ["RAW_URI"] = environ["REQUEST_URI"] = raw_uri(scope)
    environ["wsgi.errors"] = sys.stderr
    environ["wsgi.file_wrapper"] = FileWrapper
    environ["wsgi.input_terminated"] = True
    user = scope.get("user")
    if user is not None and user.is_authenticated:
        environ["REMOTE_USER"] = user.display_name
    if length is not None:
        environ["CONTENT_LENGTH"] = str(length)
    return environ


def wsgi_headers(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Drop the headers that would have another meaning in an environ, and join the cookies.

    ``X_Auth_User`` would become the same variable as ``X-Auth-User``. ``Proxy`` would become
    ``HTTP_PROXY``, which HTTP clients obey (httpoxy). ``Transfer-Encoding`` no longer applies,
    because the body is complete.
    """
    kept: list[tuple[bytes, bytes]] = []
    cookies: list[bytes] = []
    for header in headers:
        name = header[0]
        if name == b"cookie":
            cookies.append(header[1])
        elif UNDERSCORE not in name and name != b"proxy" and name != b"transfer-encoding":
            kept.append(header)
    if cookies:
        kept.append((b"cookie", b"; ".join(cookies)))
    return kept


def raw_uri(scope: Scope) -> str:
    """Return the path and the query as the client sent them, without decoding.

    gunicorn and Werkzeug call this ``RAW_URI``, uWSGI ``REQUEST_URI``; PEP 3333 does not define it.
    """
    raw_path: bytes | None = scope.get("raw_path")
    path = raw_path.decode("latin-1") if raw_path else quote(scope["path"])
    query: bytes = scope["query_string"]
    if not query or "?" in path:
        return path
    return f"{path}?{query.decode('latin-1')}"


def wsgi_path(scope: Scope) -> tuple[str, str]:
    """Return SCRIPT_NAME and PATH_INFO, each byte as a latin-1 character (PEP 3333).

    ASGI's ``path`` loses bytes that are not UTF-8; ``raw_path`` keeps them.
    """
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    if path.isascii():
        return root, path.removeprefix(root)
    raw_path: bytes | None = scope.get("raw_path")
    whole = unquote_to_bytes(raw_path) if raw_path else path.encode()
    prefix = root.encode()
    return prefix.decode("latin-1"), whole.removeprefix(prefix).decode("latin-1")
