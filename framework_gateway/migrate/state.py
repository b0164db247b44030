"""What people and the breaker have decided about a move; all workers and gateways share it.

A state never changes: each change returns a new one, with an entry in its history.
"""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from framework_gateway.migrate.options import Rule, Stage

MAX_HISTORY = 200  # changes
MAX_TRIPS = 500  # routes that are back at the old application at the same time
MAX_TEXT = 500  # characters of a reason or a name


class Entry(BaseModel):
    """A change.

    Attributes:
        when: seconds since 1970.
        who: the person, ``gateway.toml``, ``breaker`` or ``steps``.
        what: the change, as one line.
    """

    model_config = ConfigDict(frozen=True)

    when: float
    who: str
    what: str


class Trip(BaseModel):
    """A route that the breaker has taken back to the old application.

    Attributes:
        when: seconds since 1970.
        reason: with numbers, such as ``success 98.7 % < 99 %, 412 requests``.
    """

    model_config = ConfigDict(frozen=True)

    when: float
    reason: str


class MoveState(BaseModel):
    """The state of a move.

    Attributes:
        rules: by their keys.
        trips: by route, such as ``GET /users/{id}``.
        held: keys of rules whose steps a person has stopped.
        since: when each rule was set, in seconds since 1970.
        file: a digest of the rules that the configuration had when it was applied last.
    """

    model_config = ConfigDict(frozen=True)

    rules: Mapping[str, Rule] = Field(default_factory=dict)
    trips: Mapping[str, Trip] = Field(default_factory=dict)
    held: Sequence[str] = ()
    since: Mapping[str, float] = Field(default_factory=dict)
    file: str = ""
    history: Sequence[Entry] = ()

    def changed(self, who: str, what: str, **members: object) -> Self:
        """Return the state with other members, and the change in its history."""
        entry = Entry(when=time.time(), who=who[:MAX_TEXT], what=what[:MAX_TEXT])
        history = [*self.history, entry][-MAX_HISTORY:]
        return self.model_copy(update={**members, "history": history})

    def with_file(self, rules: Sequence[Rule]) -> Self:
        """Return the state with the rules of the configuration, if they are others than before.

        An edited file replaces what people have set; a file that is merely read again does not.
        """
        digest = digest_of(rules)
        if digest == self.file:
            return self
        changes = ", ".join(f"{rule.key}: {rule.words}" for rule in rules) or "no rules"
        found = {rule.key: rule for rule in rules}
        held = [key for key in self.held if key in found]
        since = dict.fromkeys(found, time.time())
        return self.changed(
            "gateway.toml", changes, rules=found, held=held, since=since, file=digest
        )

    def with_rule(self, rule: Rule, who: str) -> Self:
        """Return the state with a rule in place of the one with the same key."""
        rules, since = {**self.rules, rule.key: rule}, {**self.since, rule.key: time.time()}
        return self.changed(who, f"{rule.key}: {rule.words}", rules=rules, since=since)

    def with_changes(self, changes: Mapping[str, Any], who: str) -> Self:
        """Return the state with some members of a rule changed; the others stay.

        Args:
            changes: the members; ``route`` and ``methods`` say which rule it is.
            who: the person.

        Raises:
            ValidationError: the rule is not valid.
        """
        named = {name: changes[name] for name in ("route", "methods") if name in changes}
        before = self.rules.get(Rule(**named).key)
        rule = Rule(**{**(before.model_dump() if before else {}), **changes})
        return self if rule == before else self.with_rule(rule, who)

    def without_rule(self, key: str, who: str) -> Self:
        """Return the state without a rule."""
        rules = {name: rule for name, rule in self.rules.items() if name != key}
        return self.changed(who, f"{key}: no rule", rules=rules)

    def with_trip(self, route: str, reason: str) -> Self:
        """Return the state with a route back at the old application; the first reason stays."""
        if route in self.trips or len(self.trips) >= MAX_TRIPS:
            return self
        trip = Trip(when=time.time(), reason=reason[:MAX_TEXT])
        what = f"{route}: back to the old application: {reason}"
        return self.changed("breaker", what, trips={**self.trips, route: trip})

    def with_trips(self, reasons: Mapping[str, str]) -> Self:
        """Return the state with several routes back at the old application."""
        state = self
        for route, reason in reasons.items():
            state = state.with_trip(route, reason)
        return state

    def with_hold(self, key: str, who: str) -> Self:
        """Return the state in which the steps of a rule have stopped."""
        if key in self.held:
            return self
        return self.changed(who, f"{key}: held", held=[*self.held, key])

    def released(self, name: str, who: str) -> Self:
        """Return the state without the trip of a route, and without the hold of a rule."""
        trips = {route: trip for route, trip in self.trips.items() if route != name}
        held = [key for key in self.held if key != name]
        return self.changed(who, f"{name}: released", trips=trips, held=held)

    def forgotten(self, route: str, who: str) -> Self:
        """Return the state whose history says that the evidence of a route was forgotten."""
        return self.changed(who, f"{route}: evidence forgotten")


def digest_of(rules: Sequence[Rule]) -> str:
    """Return a digest of rules."""
    text = json.dumps([rule.model_dump(mode="json") for rule in rules], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def complete_only(rules: Sequence[Rule]) -> MoveState:
    """Return the state until the store has answered: a breaker may have opened before a restart."""
    return MoveState(rules={rule.key: rule for rule in rules if rule.stage is Stage.COMPLETE})


def replace_rule(old: Rule, new: Rule, state: MoveState) -> MoveState:
    """Replace a rule unless somebody has changed or held it meanwhile."""
    if state.rules.get(old.key) != old or old.key in state.held:
        return state
    return state.with_rule(new, "steps")
