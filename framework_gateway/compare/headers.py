"""Compare the headers of answers."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from framework_gateway.compare.contents import charset_of
from framework_gateway.compare.cookies import have_equal_expiry, normalise_cookie, read_cookies
from framework_gateway.compare.credentials import mask
from framework_gateway.compare.findings import Difference, Kind
from framework_gateway.compare.header_choice import CONNECTION, title
from framework_gateway.compare.messages import Answer
from framework_gateway.compare.neutral import Names
from framework_gateway.compare.rules import Rules, Tally

# Lists whose order means nothing (RFC 9110, Fetch); the second group has no case either.
LISTS = frozenset(["allow", "access-control-allow-methods", "accept-patch", "accept-post"])
CASELESS_LISTS = frozenset(
    [
        *("vary", "cache-control", "content-language", "accept-ranges"),
        *("access-control-allow-headers", "access-control-expose-headers"),
    ]
)
# In them, each target must name its own prefix, not the other's.
LINKS = frozenset(["location", "content-location", "link", "refresh"])

FOLLOWS_BODY = "the length of the body"
FRAMED = "a server chooses between a length and chunks, and only some targets have one"
CODED = "the content coding is negotiated; bodies are compared without it"

NOT_DECODED = "(the body could not be decoded)"

Fields = Mapping[str, list[str]]


def fields_of(answer: Answer) -> dict[str, list[str]]:
    """Return the values of each header, by its name in lower case."""
    fields: dict[str, list[str]] = {}
    for name, value in answer.headers:
        fields.setdefault(name.lower(), []).append(value.strip())
    if not answer.is_decoded:
        # The same header says something else if the body is not in this coding.
        fields["content-encoding"].append(NOT_DECODED)
    return fields


class HeaderComparison:
    """Compares the headers of the answers that there are.

    Args:
        answers: the answers.
        names: the names of their targets.
        rules: what counts.
        tally: counts the uses of rules.
    """

    def __init__(
        self, answers: Sequence[Answer], names: Mapping[str, Names], rules: Rules, tally: Tally
    ) -> None:
        self.answers = answers
        self.names = names
        self.rules = rules
        self.tally = tally
        self.fields = {answer.target: fields_of(answer) for answer in answers}
        # In the order of the first answer that has them.
        self.present = dict.fromkeys(
            name for fields in self.fields.values() for name in fields if name not in CONNECTION
        )
        codings = {tuple(fields.get("content-encoding", ())) for fields in self.fields.values()}
        self.are_decoded = all(answer.is_decoded for answer in answers)
        self.is_coded = len(codings) > 1 and self.are_decoded

    def find(self) -> Iterator[Difference]:
        """Yield the differences."""
        if not self.fields:
            return
        first, *others = self.fields.values()
        for name in self.present:
            value = first.get(name)
            if all(other.get(name) == value for other in others) and not self._may_mislead(name):
                continue
            values = {target: fields.get(name) for target, fields in self.fields.items()}
            if name == "set-cookie":
                yield from self._find_cookies(values)
                continue
            found = {target: ", ".join(value) for target, value in values.items() if value}
            if len(found) < len(values) or self._differ(name, found):
                yield self._judge(name, title(name), found)

    def counting(self, rules: Rules) -> dict[bool, list[str]]:
        """Return the names of the headers that count, and of those that do not."""
        split: dict[bool, list[str]] = {True: [], False: []}
        ignored = {rule.place for rule in rules.ignore if rule.pattern is None}
        for name in self.present:
            split[name not in ignored and not rules.headers.why_not(name)].append(title(name))
        return split

    def _may_mislead(self, name: str) -> bool:
        return name in LINKS and any(answer.prefix for answer in self.answers)

    def _find_cookies(self, values: Mapping[str, list[str] | None]) -> Iterator[Difference]:
        cookies = {target: read_cookies(lines or ()) for target, lines in values.items()}
        for name in dict.fromkeys(name for each in cookies.values() for name in each):
            found = {target: each[name] for target, each in cookies.items() if name in each}
            same = not self._differ("set-cookie", found) and have_equal_expiry([*found.values()])
            if len(found) < len(cookies) or not same:
                yield self._judge("set-cookie", f"Set-Cookie {name}".strip(), found)

    def _differ(self, name: str, found: Mapping[str, str]) -> bool:
        """Return whether the values differ in their meaning; count the rules that make them equal.

        Args:
            name: the header's name in lower case.
            found: maps targets to values.
        """
        if name == "content-length":
            return True
        normalise = NORMALISE.get(name, str)
        if len({normalise(value) for value in found.values()}) == 1 and not self._may_mislead(name):
            return False
        neutral = {target: self.names[target].replace(text) for target, text in found.items()}
        if len({normalise(text) for text, _ in neutral.values()}) > 1:
            return True
        for rule in {rule for _, used in neutral.values() for rule in used}:
            self.tally.use(rule)
        return False

    def _judge(self, name: str, shown: str, found: Mapping[str, str]) -> Difference:
        """Return the difference, with the reason if it does not count."""
        kind = Kind.MISSING if len(found) < len(self.answers) else Kind.HEADER
        reason = self._ignored(shown, kind, found) or self._explained(name, found)
        # A client cannot read a body in another coding, whichever headers are in the contract.
        if self.are_decoded or name != "content-encoding":
            reason = reason or self.rules.headers.why_not(name)
        values = {target: mask(name, value) for target, value in found.items()}
        return Difference("header", shown, kind, values, not reason, reason)

    def _ignored(self, shown: str, kind: Kind, found: Mapping[str, str]) -> str:
        """Return the rule that ignores the difference; an empty text if none does."""
        for rule in self.rules.ignore:
            if not rule.covers_header(shown):
                continue
            pattern = rule.pattern
            if pattern is not None:
                same = len({pattern.replace(value) for value in found.values()}) == 1
                if kind is Kind.MISSING or not same:
                    continue
            self.tally.use(f"ignore {rule.text}")
            return rule.reason or f"ignored by {rule.text}"
        return ""

    def _explained(self, name: str, found: Mapping[str, str]) -> str:
        """Return why a header may differ although the answers are equal."""
        if self.rules.headers.base == "all" and name == "content-encoding":
            return ""
        if self.is_coded and self._follows_coding(name, found):
            return CODED
        if name == "content-length" and self._is_true(found):
            if len(found) == len(self.answers):
                return FOLLOWS_BODY
            if len({answer.is_served for answer in self.answers}) > 1:
                return FRAMED
        return ""

    def _follows_coding(self, name: str, found: Mapping[str, str]) -> bool:
        if name in ("content-encoding", "content-length"):
            return True
        if name == "etag":
            return len({bare_tag(value) for value in found.values()}) == 1
        if name == "vary":
            every = [normalise_list(value.lower()) for value in found.values()]
            every += [""] * (len(self.answers) - len(found))
            return len({value.replace("accept-encoding", "").strip(", ") for value in every}) == 1
        return False

    def _is_true(self, found: Mapping[str, str]) -> bool:
        """Return whether each Content-Length is the length of its own body."""
        lengths = {
            answer.target: len(answer.body) if answer.wire_size is None else answer.wire_size
            for answer in self.answers
        }
        return all(value == str(lengths[target]) for target, value in found.items())


def normalise_list(value: str) -> str:
    """Sort a list whose order means nothing."""
    return ", ".join(sorted({item.strip() for item in value.split(",") if item.strip()}))


def normalise_type(value: str) -> str:
    """Return a Content-Type with its type, charset and spaces in one spelling (RFC 9110, 8.3.1)."""
    media_type, *parameters = value.split(";")
    others = [
        one.strip() for one in parameters if one.partition("=")[0].strip().lower() != "charset"
    ]
    charset = [f"charset={charset_of(value)}"] if len(others) < len(parameters) else []
    return ";".join([media_type.strip().lower(), *charset, *filter(None, others)])


def bare_tag(value: str) -> str:
    """Return an ETag without what compressing servers add: ``W/``, ``-gzip``, ``;br``."""
    tag = value.removeprefix("W/").strip('"')
    for coding in ("gzip", "br", "zstd", "deflate"):
        tag = tag.removesuffix(f"-{coding}").removesuffix(f";{coding}")
    return tag


NORMALISE: dict[str, Callable[[str], str]] = {
    **dict.fromkeys(LISTS, normalise_list),
    **dict.fromkeys(CASELESS_LISTS, lambda value: normalise_list(value.lower())),
    "content-type": normalise_type,
    "set-cookie": normalise_cookie,
}
