"""JSON Pointers (RFC 6901) with wildcards: ``*`` is any one step, ``**`` any number of steps."""

import re
from collections.abc import Sequence

MAX_DOUBLE = 4  # ``**`` in one pointer; more would make it slow
MAX_KNOWN = 10_000  # steps that are remembered
LONGEST_KEY = 1000  # characters shown of a member's name
INVALID_ESCAPE = re.compile(r"~(?![01])")

# Where the pointers of a list stand: the index of each, and the steps that it has taken.
State = frozenset[tuple[int, int]]


def escape(key: str | int) -> str:
    """Escape a member's name or an index for a JSON Pointer (RFC 6901, 3)."""
    return str(key).replace("~", "~0").replace("/", "~1")


def below(pointer: str, key: str | int) -> str:
    """Return the JSON Pointer of a member or item; a long name is cut."""
    return f"{pointer}/{escape(key)[:LONGEST_KEY]}"


class Pointers:
    """Finds which pointers of a list match a place, while one walks down a document.

    Walking keeps a state, so that each step costs the same at any depth. It uses no regular
    expressions: Python caches them, and a client chooses their length.

    Args:
        pointers: each begins with a slash; an empty one is the whole document.

    Raises:
        ValueError: a pointer does not begin with a slash, has a wrong escape (RFC 6901), or has
            too many ``**``.
    """

    def __init__(self, pointers: Sequence[str]) -> None:
        for pointer in pointers:
            if pointer and not pointer.startswith("/"):
                raise ValueError(f"the JSON Pointer '{pointer}' does not begin with /")
            if INVALID_ESCAPE.search(pointer):
                raise ValueError(f"the JSON Pointer '{pointer}' has a ~ that is not ~0 or ~1")
            if pointer.split("/").count("**") > MAX_DOUBLE:
                raise ValueError(f"a JSON Pointer has at most {MAX_DOUBLE} times **")
        self.steps = [pointer.split("/")[1:] for pointer in pointers]
        self.names = {step for steps in self.steps for step in steps}
        self.steps_taken: dict[tuple[State, str], State] = {}
        self.matched: dict[State, list[int]] = {}
        self.start = self._closed({(index, 0) for index in range(len(self.steps))})

    def step(self, state: State, key: str | int) -> State:
        """Return the state below one more member or item."""
        if not state:
            return state
        name = escape(key)
        known = (state, name if name in self.names else "")
        after = self.steps_taken.get(known)
        if after is None:
            if len(self.steps_taken) >= MAX_KNOWN:
                self.steps_taken.clear()
            after = self.steps_taken[known] = self._step(state, name)
        return after

    def _step(self, state: State, name: str) -> State:
        after = set()
        for index, place in state:
            steps = self.steps[index]
            if place < len(steps):
                if steps[place] == "**":
                    after.add((index, place))
                elif steps[place] in ("*", name):
                    after.add((index, place + 1))
        return self._closed(after)

    def matches(self, state: State) -> list[int]:
        """Return the indexes of the pointers that match this place."""
        found = self.matched.get(state)
        if found is None:
            if len(self.matched) >= MAX_KNOWN:
                self.matched.clear()
            found = sorted({index for index, place in state if place == len(self.steps[index])})
            self.matched[state] = found
        return found

    def _closed(self, state: set[tuple[int, int]]) -> State:
        """Add the places after each ``**``, which may also stand for no step."""
        waiting = [*state]
        while waiting:
            index, place = waiting.pop()
            steps = self.steps[index]
            if place < len(steps) and steps[place] == "**" and (index, place + 1) not in state:
                state.add((index, place + 1))
                waiting.append((index, place + 1))
        return frozenset(state)


def look_up(document: object, pointer: str) -> object:
    """Return the value at a pointer without wildcards.

    Raises:
        LookupError: there is none.
    """
    value = document
    for step in pointer.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value[key]
        elif isinstance(value, list) and key.isdecimal():
            value = value[int(key)]
        else:
            raise LookupError(pointer)
    return value
