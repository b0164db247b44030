"""Which response headers count in a comparison, and which are only noted."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from framework_gateway.wsgi.exchange import HEADER_NAME

# They belong to the connection, not to the answer (RFC 9110, 7.6.1), and are never compared.
CONNECTION = frozenset(
    [
        *("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding"),
        *("upgrade",),
    ]
)
# They tell of one answer or of one server, so they differ also where nothing is wrong.
PASSING = (
    *("Date", "Server", "Server-Timing", "Via", "X-Powered-By", "X-Process-Time", "X-Runtime"),
    *("X-Request-ID", "X-Correlation-ID", "Traceparent"),
)
# What a contract usually names: what clients must read to use an API.
CONTRACT = ("Content-Type", "Content-Length", "Allow", "Location", "Link", "Retry-After")

WORDS = {
    "default": f"all but the connection's and {', '.join(PASSING)}",
    "all": "all but the connection's",
    "contract": ", ".join(CONTRACT),
}


IS_PASSING = frozenset(map(str.lower, PASSING))
IN_CONTRACT = frozenset(map(str.lower, CONTRACT))
USUAL = {name.lower(): name for name in (*PASSING, *CONTRACT, "ETag", "WWW-Authenticate")}


@dataclass(frozen=True)
class HeaderChoice:
    """The headers that count; all others are noted where they differ.

    Attributes:
        base: ``default``, ``all``, ``contract`` or ``list``.
        names: headers that count besides, in lower case.
        without: headers that do not count, in lower case.
    """

    base: str = "default"
    names: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Self:
        """Read ``all``, ``contract``, names of headers, and ``-NAME``; also with commas.

        Names alone are all that counts. ``-NAME`` alone is taken from the default.

        Raises:
            ValueError: ``all`` and ``contract`` are both given, or a name is none of a header.
        """
        words = [word.strip().lower() for text in texts for word in text.split(",") if word.strip()]
        bases = {word for word in words if word in ("all", "contract", "default")}
        if len(bases) > 1:
            raise ValueError("give either all or contract")
        without = tuple(word[1:] for word in words if word.startswith("-"))
        names = tuple(word for word in words if not word.startswith("-") and word not in bases)
        for name in (*names, *without):
            check_name(name)
        base = bases.pop() if bases else "list" if names else "default"
        return cls(base, names, without)

    def why_not(self, name: str) -> str:
        """Return why a header, in lower case, does not count; an empty text if it does."""
        if name in self.without:
            return f"--headers -{title(name)}"
        if name in self.names or self.base == "all":
            return ""
        if self.base == "contract":
            return "" if name in IN_CONTRACT else "not in the contract"
        if self.base == "list":
            return "not in the list of headers"
        return "differs between servers or answers" if name in IS_PASSING else ""

    @cached_property
    def words(self) -> str:
        """The headers that count, in words."""
        names = ", ".join(title(name) for name in self.names)
        text = ", ".join(filter(None, [WORDS.get(self.base, ""), names]))
        without = ", ".join(title(name) for name in self.without)
        return f"{text}, without {without}" if without else text


def check_name(name: str) -> None:
    """Raise ValueError unless a text can be the name of a header, or of a cookie."""
    if not HEADER_NAME.fullmatch(name):
        raise ValueError(f"'{name}' is not the name of a header")


def title(name: str) -> str:
    """Return a header's name, in lower case, in its usual spelling."""
    return USUAL.get(name) or "-".join(map(str.capitalize, name.split("-")))


DEFAULT = HeaderChoice()
