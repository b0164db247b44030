"""Security headers for the responses of every mount."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

Header = tuple[bytes, bytes]
Wanted = tuple[Sequence[Header], frozenset[bytes]]  # headers, and their names

NOSNIFF = (b"x-content-type-options", b"nosniff")
# From OWASP's HTTP Headers Cheat Sheet. Only the application can know its Content-Security-Policy.
PAGE_HEADERS = [(b"referrer-policy", b"same-origin"), (b"x-frame-options", b"DENY")]
# Browsers apply it over HTTPS only, and log a warning otherwise.
SECURE_PAGE_HEADERS = [(b"cross-origin-opener-policy", b"same-origin")]
HTML = b"text/html"


class SecurityHeaders:
    """Chooses security headers for a response; headers set by the application win.

    Args:
        hsts: max-age in seconds of Strict-Transport-Security (RFC 6797); 0 omits the header.
    """

    def __init__(self, *, hsts: int = 0) -> None:
        self.hsts = hsts
        self._headers_of = cache(self._list)  # at most four entries

    def missing(self, given: Mapping[bytes, bytes], scheme: str) -> Sequence[Header]:
        """Return the security headers that a response does not have yet.

        Args:
            given: the headers of the response; names in lower case.
            scheme: the scheme of the request, ``http`` or ``https``.
        """
        is_html = given.get(b"content-type", b"").startswith(HTML)
        wanted, names = self._headers_of(is_html, scheme == "https")
        if names.isdisjoint(given):
            return wanted
        return [header for header in wanted if header[0] not in given]

    def _list(self, is_html: bool, is_secure: bool) -> Wanted:
        wanted = tuple(self._choose(is_html, is_secure))
        return wanted, frozenset(name for name, _ in wanted)

    def _choose(self, is_html: bool, is_secure: bool) -> Iterator[Header]:
        yield NOSNIFF
        if is_secure and self.hsts:
            yield b"strict-transport-security", b"max-age=%d" % self.hsts
        if is_html:
            yield from PAGE_HEADERS
            if is_secure:
                yield from SECURE_PAGE_HEADERS
