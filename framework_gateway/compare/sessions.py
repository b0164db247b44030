"""What a target has answered earlier: saved values, and cookies if they are asked for."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote

import httpx2 as httpx

from framework_gateway.compare.json_values import spell
from framework_gateway.compare.messages import Answer, Failure, NoAnswer, Request
from framework_gateway.compare.pointers import look_up

NAME = re.compile(r"\{([A-Za-z_]\w{0,63})\}")  # {name} of a saved value


@dataclass
class Session:
    """The state of one target during a replay; no target sees another's.

    Attributes:
        jar: its cookies; None if no cookies are kept.
        saved: maps names to values.
        missing: names that its answers should have had.
    """

    jar: httpx.Cookies | None = None
    saved: dict[str, str] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)

    def prepare(self, request: Request, url: str) -> Request:
        """Return the request with saved values and cookies.

        Raises:
            NoAnswer: the request needs a value that was not saved.
        """
        if self.saved or self.missing:
            request = self._fill(request)
        if self.jar is not None:
            request = self._with_cookies(request, self.jar, url)
        return request

    def learn(self, request: Request, answer: Answer) -> None:
        """Keep what the answer sets.

        Args:
            request: the request, which says what to save.
            answer: the target's answer.
        """
        if self.jar is not None and answer.error is None:
            asked = httpx.Request(answer.request.method, answer.url + answer.request.path)
            given = httpx.Response(answer.status, headers=[*answer.headers], request=asked)
            self.jar.extract_cookies(given)
        for name, place in request.save.items():
            value = find_value(answer, place)
            if value is None:
                self.missing.add(name)
                self.saved.pop(name, None)
            else:
                self.missing.discard(name)
                self.saved[name] = value

    def _fill(self, request: Request) -> Request:
        """Replace ``{name}`` by saved values: encoded in the path, escaped in the body."""
        is_json = request.body.lstrip()[:1] in (b"{", b"[", b'"')
        return replace(
            request,
            path=self._replace(request.path, lambda value: quote(value, safe="")),
            headers=[(name, self._replace(value, str)) for name, value in request.headers],
            body=self._replace(
                request.body.decode(errors="surrogateescape"),
                (lambda value: json.dumps(value, ensure_ascii=False)[1:-1]) if is_json else str,
            ).encode(errors="surrogateescape"),
        )

    def _replace(self, text: str, encode: Callable[[str], str]) -> str:
        def value_of(match: re.Match[str]) -> str:
            name = match[1]
            if name in self.missing:
                raise NoAnswer(f"no earlier answer had {name!r}", Failure.NOT_ASKED)
            return encode(self.saved[name]) if name in self.saved else match[0]

        return NAME.sub(value_of, text)

    def _with_cookies(self, request: Request, jar: httpx.Cookies, url: str) -> Request:
        """Add the cookies of the jar to those of the request."""
        asked = httpx.Request(request.method, url + request.path)
        jar.set_cookie_header(asked)
        stored = asked.headers.get("cookie")
        if stored is None:
            return request
        own = [value for name, value in request.headers if name.lower() == "cookie"]
        others = [(name, value) for name, value in request.headers if name.lower() != "cookie"]
        return replace(request, headers=[*others, ("Cookie", "; ".join([*own, stored]))])


def find_value(answer: Answer, place: str) -> str | None:
    """Return the value at a JSON Pointer or in a header; None if there is none.

    A string is returned without quotes, any other value as JSON.
    """
    if answer.error is not None:
        return None
    if not place.startswith("/"):
        return answer.header(place)
    try:
        value = look_up(answer.content.value, place)
    except LookupError:
        return None
    return value if isinstance(value, str) else spell(value)


def saved_values(sessions: Mapping[str, Session]) -> dict[str, dict[str, str]]:
    """Return the saved values of each target."""
    return {name: dict(session.saved) for name, session in sessions.items()}
