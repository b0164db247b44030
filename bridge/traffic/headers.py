"""Response headers that keep browsers from being misled, on the answers of every mount."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

Header = tuple[bytes, bytes]
Wanted = tuple[Sequence[Header], frozenset[bytes]]  # headers, and their names

NOSNIFF = (b"x-content-type-options", b"nosniff")
# What OWASP's HTTP Headers Cheat Sheet asks of pages; what they may load only they know.
OF_PAGES = [(b"referrer-policy", b"same-origin"), (b"x-frame-options", b"DENY")]
# Browsers heed it over HTTPS alone, and complain elsewhere.
OF_SECURE_PAGES = [(b"cross-origin-opener-policy", b"same-origin")]


class SecurityHeaders:
    """Knows what an answer is to have, unless its application has set it itself.

    Args:
        hsts: seconds that browsers are to come back by HTTPS alone (RFC 6797); 0: not said.
    """

    def __init__(self, *, hsts: int = 0) -> None:
        self.hsts = hsts
        self._headers_of = lru_cache(maxsize=256)(self._list)

    def lacking(self, given: Mapping[bytes, bytes], scheme: str) -> Sequence[Header]:
        """Return what an answer lacks.

        Args:
            given: its headers, by their names in lower case.
            scheme: its request's, ``http`` or ``https``.
        """
        wanted, names = self._headers_of(given.get(b"content-type", b""), scheme == "https")
        if names.isdisjoint(given):
            return wanted
        return [header for header in wanted if header[0] not in given]

    def _list(self, media_type: bytes, is_secure: bool) -> Wanted:
        wanted = tuple(self._choose(media_type, is_secure))
        return wanted, frozenset(name for name, _ in wanted)

    def _choose(self, media_type: bytes, is_secure: bool) -> Iterator[Header]:
        yield NOSNIFF
        if is_secure and self.hsts:
            yield b"strict-transport-security", b"max-age=%d" % self.hsts
        if media_type.startswith(b"text/html"):
            yield from OF_PAGES
            if is_secure:
                yield from OF_SECURE_PAGES
