"""What nobody may read in a document, a command or a page: the credentials in headers."""

import re

MASK = "***"
HEADERS = frozenset(
    [
        *("authorization", "proxy-authorization", "cookie", "cookie2", "set-cookie", "set-cookie2"),
        *("x-csrftoken", "x-csrf-token", "x-xsrf-token", "x-api-key", "x-auth-token"),
    ]
)
# RFC 6265, 4.1.1, and what came after it. Two cookies joined by a comma are no attribute.
ATTRIBUTE = re.compile(
    "Secure|HttpOnly|Partitioned|(Path|Domain|Max-Age|SameSite|Priority|Version)=[^,=]*"
    "|Expires=([A-Za-z]+, )?[A-Za-z0-9: -]*",
    re.IGNORECASE,
)


def mask(name: str, value: str) -> str:
    """Return a header's value; of one with credentials only what is none.

    Of a cookie that is set, its name and attributes say how it is set.
    """
    if name.lower() not in HEADERS:
        return value
    if name.lower() != "set-cookie":
        return MASK
    pair, *attributes = value.split(";")
    cookie, equals, _ = pair.partition("=")
    shown = [attribute.strip() for attribute in attributes]
    return "; ".join(
        [
            f"{cookie.strip()}={MASK}" if equals else MASK,
            *(one if ATTRIBUTE.fullmatch(one) else MASK for one in shown),
        ]
    )
