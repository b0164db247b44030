"""Response headers that keep browsers from being misled, on the answers of every mount."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

Header = tuple[bytes, bytes]
Wanted = tuple[Sequence[Header], frozenset[bytes]]  # headers, and their names

NOSNIFF = (b"x-content-type-options", b"nosniff")
# What OWASP's HTTP Headers Cheat Sheet asks of pages; what they may load only they know.
OF_PAGES = [(b"referrer-policy", b"same-origin"), (b"x-frame-options", b"DENY")]
# Browsers heed it over HTTPS alone, and complain elsewhere.
OF_SECURE_PAGES = [(b"cross-origin-opener-policy", b"same-origin")]
HTML = b"text/html"


class SecurityHeaders:
    """Knows what an answer is to have, unless its application has set it itself.

    Args:
        hsts: seconds that browsers are to come back by HTTPS alone (RFC 6797); 0: not said.
    """

    def __init__(self, *, hsts: int = 0) -> None:
        self.hsts = hsts
        self._headers_of = cache(self._list)  # of four answers

    def lacking(self, given: Mapping[bytes, bytes], scheme: str) -> Sequence[Header]:
        """Return what an answer lacks.

        Args:
            given: its headers, by their names in lower case.
            scheme: its request's, ``http`` or ``https``.
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
            yield from OF_PAGES
            if is_secure:
                yield from OF_SECURE_PAGES
