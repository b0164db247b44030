"""Write a request as a curl command, with masked credentials."""

import re
import shlex
from collections.abc import Sequence

from framework_gateway.compare.credentials import mask

# Headers that clients set themselves; a curl command does not need them.
OWN_HEADERS = re.compile(
    "(host|user-agent|accept|accept-encoding|accept-language|cache-control|content-length|cookie"
    "|dnt|x-csrftoken|x-request-id|origin|pragma|priority|referer|sec-.*)",
    re.IGNORECASE,
)

# Limits; longer commands are unreadable, and shells do not accept NUL.
LONGEST_BODY = 1000  # characters
LONGEST_COMMAND = 4000
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def curl_command(
    method: str, url: str, headers: Sequence[tuple[str, str]] = (), body: bytes = b""
) -> str:
    """Return a shell command that sends the request.

    Credentials are masked. A body that does not fit into a command becomes ``@body``: save it in a
    file of that name.
    """
    words = ["curl", "--include"]
    if method == "HEAD":
        words = ["curl", "--head"]
    elif method != ("POST" if body else "GET"):
        words += ["--request", method]
    for name, value in headers:
        if OWN_HEADERS.fullmatch(name):
            continue
        # curl sends a header without a value only when it ends with a semicolon.
        words += ["--header", f"{name}: {mask(name, value)}" if value else f"{name};"]
    if body:
        text = body.decode(errors="replace")
        fits = len(text) <= LONGEST_BODY and not UNPRINTABLE.search(text)
        # Only --data-raw sends a body that begins with @ as it is.
        words += ["--data-raw", text] if fits else ["--data-binary", "@body"]
    command = shlex.join([*words, url])
    return command if len(command) <= LONGEST_COMMAND else "# The command is too long."
