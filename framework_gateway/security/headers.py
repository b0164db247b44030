"""Security headers for responses: some for every mount, others for the gateway's own pages only."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

Header = tuple[bytes, bytes]
Wanted = tuple[Sequence[Header], frozenset[bytes]]  # headers, and their names

# Scope key: False if the page belongs to an application that may be embedded in a page of another
# site, or opens windows of another site. Without the key, the page is the gateway's own.
PAGE_HEADERS = "bridge.page_headers"

# From OWASP's HTTP Headers Cheat Sheet. Only the application can know its Content-Security-Policy.
NOSNIFF = (b"x-content-type-options", b"nosniff")
REFERRER_POLICY = (b"referrer-policy", b"same-origin")
FRAME_OPTIONS = (b"x-frame-options", b"DENY")  # breaks pages that others embed
# Breaks logins in a pop-up window (OAuth). Browsers apply it over HTTPS only, and log a warning
# otherwise.
OPENER_POLICY = (b"cross-origin-opener-policy", b"same-origin")
HTML = b"text/html"


class SecurityHeaders:
    """Chooses security headers for a response; headers set by the application win.

    Args:
        hsts: max-age in seconds of Strict-Transport-Security (RFC 6797); 0 omits the header.
    """

    def __init__(self, *, hsts: int = 0) -> None:
        self.hsts = hsts
        kinds = list(product((False, True), repeat=3))
        self._wanted = {kind: self._list(*kind) for kind in kinds}

    def missing(
        self, given: Mapping[bytes, bytes], scheme: str, page_headers: bool = True
    ) -> Sequence[Header]:
        """Return the security headers that a response does not have yet.

        Args:
            given: the headers of the response; names in lower case.
            scheme: the scheme of the request, ``http`` or ``https``.
            page_headers: whether a page also gets the headers that could break it,
                ``X-Frame-Options`` and ``Cross-Origin-Opener-Policy``.
        """
        is_html = given.get(b"content-type", b"").startswith(HTML)
        wanted, names = self._wanted[is_html, scheme == "https", bool(page_headers)]
        if names.isdisjoint(given):
            return wanted
        return [header for header in wanted if header[0] not in given]

    def _list(self, is_html: bool, is_secure: bool, page_headers: bool) -> Wanted:
        wanted = tuple(self._choose(is_html, is_secure, page_headers))
        return wanted, frozenset(name for name, _ in wanted)

    def _choose(self, is_html: bool, is_secure: bool, page_headers: bool) -> Iterator[Header]:
        yield NOSNIFF
        if is_secure and self.hsts:
            yield b"strict-transport-security", b"max-age=%d" % self.hsts
        if not is_html:
            return
        yield REFERRER_POLICY
        if page_headers:
            yield FRAME_OPTIONS
            if is_secure:
                yield OPENER_POLICY
