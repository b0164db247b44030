"""Mask credentials in headers, for documents, commands and pages."""

import re

MASK = "***"
HEADERS = frozenset(
    [
        *("authorization", "proxy-authorization", "cookie", "cookie2", "set-cookie", "set-cookie2"),
        *("x-csrftoken", "x-csrf-token", "x-xsrf-token", "x-api-key", "x-auth-token"),
    ]
)
# RFC 6265, 4.1.1, and newer attributes. A comma could join a second cookie, so none may contain it.
ATTRIBUTE = re.compile(
    "Secure|HttpOnly|Partitioned|(Path|Domain|Max-Age|SameSite|Priority|Version)=[^,=]*"
    "|Expires=([A-Za-z]+, )?[A-Za-z0-9: -]*",
    re.IGNORECASE,
)


def mask(name: str, value: str) -> str:
    """Return the value of a header, with its credentials masked.

    For Set-Cookie, the name and the attributes of the cookie stay readable, and that it has no
    value.
    """
    if name.lower() not in HEADERS:
        return value
    if name.lower() != "set-cookie":
        return MASK
    pair, *attributes = value.split(";")
    cookie, equals, secret = pair.partition("=")
    hidden = MASK if secret.strip().strip('"') else ""
    shown = [attribute.strip() for attribute in attributes if attribute.strip()]
    return "; ".join(
        [
            f"{cookie.strip()}={hidden}" if equals else MASK,
            *(one if ATTRIBUTE.fullmatch(one) else MASK for one in shown),
        ]
    )
