"""Decide which application answers a request."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from starlette.requests import cookie_parser
from starlette.types import Scope

from framework_gateway.migrate.options import ANY, SAFE, Rule, Stage, class_of
from framework_gateway.migrate.routes import RouteNames, name_of
from framework_gateway.migrate.state import MoveState
from framework_gateway.migrate.testers import Side, chosen_side

BUCKETS = 10_000  # a client's place among all clients; 1 % are 100 of them
DEFAULT = Rule()
MAX_RULES = 2000  # routes whose rule is remembered


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to a request.

    Attributes:
        route: such as ``GET /users/{id}``.
        side: the application that answers.
        vary: the header of the request that the choice depends on, for ``Vary``; "" if it depends
            on none, ``*`` for something else.
        is_shadowed: whether the other application may be asked, too.
        may_fall_back: whether the old one answers if the new one fails.
        is_tester: whether the client has chosen the side.
    """

    route: str
    rule: Rule
    side: Side
    vary: str = ""
    is_shadowed: bool = False
    may_fall_back: bool = False
    is_tester: bool = False


class Rollout:
    """Decides by the rules of the state.

    Args:
        prefix: the prefix of the move.
        names: finds the routes.
        sticky: what keeps a client on one side.
        secret: signs the marks of testers; None if there are none.

    Attributes:
        state: the state of the move; it is replaced as a whole.
    """

    def __init__(
        self, prefix: str, names: RouteNames, sticky: Sequence[str], secret: str | None = None
    ) -> None:
        self.prefix = prefix
        self.names = names
        self.sources = [source_of(text) for text in sticky]
        self.secret = secret
        self._rules: dict[tuple[str, str], Rule] = {}
        self.state = MoveState()

    @property
    def state(self) -> MoveState:
        """The state of the move."""
        return self._state

    @state.setter
    def state(self, state: MoveState) -> None:
        self._state = state
        self._rules.clear()

    def decide(self, scope: Scope) -> Decision:
        """Decide about a request, whose ``root_path`` ends with the prefix."""
        method: str = scope.get("method", "GET")  # a WebSocket starts with a GET
        template = self.names.find(scope["path"].removeprefix(scope["root_path"]))
        route = name_of(method, template)
        rule = self.rule_for(method, template)
        side, vary, is_tester = self._choose(scope, route, rule)
        is_safe = method in SAFE
        moves = rule.stage not in (Stage.OFF, Stage.COMPLETE) and route not in self._state.trips
        return Decision(
            route,
            rule,
            side,
            vary,
            is_shadowed=moves and rule.share > 0 and (is_safe or rule.unsafe),
            may_fall_back=moves and side == "new" and is_safe,
            is_tester=is_tester,
        )

    def _choose(self, scope: Scope, route: str, rule: Rule) -> tuple[Side, str, bool]:
        """Return the side, what it depends on, and whether a tester has chosen it."""
        if self.secret and (chosen := chosen_side(scope, self.secret, self.prefix)):
            return chosen, "*", True
        if route in self._state.trips:
            return "old", "", False
        if rule.is_mixed:
            key, vary = self._key_of(scope)
            is_new = bucket(f"{self.prefix} {route}", key) < rule.percent * BUCKETS / 100
            return "new" if is_new else "old", vary, False
        return "new" if rule.reached else "old", "", False

    def _key_of(self, scope: Scope) -> tuple[str, str]:
        """Return what identifies the client, and the headers that were read for it."""
        read: list[str] = []
        for header, find in self.sources:
            read.append(header)
            if key := find(scope):
                return f"{header} {key}", "*" if "*" in read else ", ".join(dict.fromkeys(read))
        return "", ", ".join(dict.fromkeys(read))

    def rule_of(self, route: str) -> Rule:
        """Return the rule for a route by its name, such as ``GET /users/{id}``."""
        method, _, template = route.partition(" ")
        return self.rule_for(method, template)

    def rule_for(self, method: str, template: str) -> Rule:
        """Return the most specific rule for a route."""
        found = self._rules.get((method, template))
        if found is None:
            found = most_specific(self._state.rules.values(), method, template)
            if len(self._rules) < MAX_RULES:
                self._rules[method, template] = found
        return found


def most_specific(rules: Iterable[Rule], method: str, template: str) -> Rule:
    """Return the rule for a route: first by its path, then by its method."""
    methods = (method, class_of(method), ANY)
    fitting = [rule for rule in rules if rule.methods in methods and covers(rule.route, template)]
    ranks = {name: rank for rank, name in enumerate(methods)}
    return min(
        fitting,
        key=lambda rule: (rule.route != template, -len(rule.route), ranks[rule.methods]),
        default=DEFAULT,
    )


def covers(pattern: str, template: str) -> bool:
    """Return whether the ``route`` of a rule covers a template."""
    if pattern.endswith("/*"):
        return template.startswith(pattern[:-1]) or template == pattern[:-2]
    return pattern in (ANY, template)


def bucket(route: str, key: str) -> int:
    """Return the place of a client among 10,000; it is always the same for a route."""
    digest = hashlib.sha256(f"{route}\n{key}".encode(errors="surrogatepass")).digest()
    return int.from_bytes(digest[:8]) % BUCKETS


Find = Callable[[Scope], str]


def source_of(text: str) -> tuple[str, Find]:
    """Return the header that an entry of ``sticky`` reads, and the function that reads it."""
    kind, _, name = text.partition(":")
    if kind == "cookie":
        return "Cookie", lambda scope: cookie_of(scope, name)
    if kind == "header":
        return name, lambda scope: header_of(scope, name.lower().encode())
    if kind == "token":
        return "Authorization", lambda scope: header_of(scope, b"authorization")
    # Vary has no name for the address of a client, only "*" (RFC 9110, 12.5.5).
    return "*", lambda scope: (scope.get("client") or ("", 0))[0]


def header_of(scope: Scope, name: bytes) -> str:
    """Return the value of a header; "" without one."""
    return next((v.decode("latin-1") for k, v in scope["headers"] if k == name), "")


def cookie_of(scope: Scope, name: str) -> str:
    """Return the value of a cookie; "" without one."""
    # HTTP/2 may send each cookie in a field of its own (RFC 9113, 8.2.3).
    header = "; ".join(v.decode("latin-1") for k, v in scope["headers"] if k == b"cookie")
    return cookie_parser(header).get(name, "") if header else ""
