"""The names of a request's headers are looked through once, and anew when the headers change."""

from typing import Any

from framework_gateway.security import names
from framework_gateway.security.names import header_names, replace_headers

HEADERS = [(b"host", b"a"), (b"accept", b"*/*"), (b"cookie", b"a=1")]


def scope_of(headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    return {"type": "http", "headers": headers}


def test_the_names_say_what_is_there() -> None:
    found = header_names(scope_of(HEADERS))
    assert (found.host, found.parametric, found.content_type, found.repeated) == (
        0,
        (1,),
        None,
        None,
    )
    assert found.has_cookies
    others = found.has_forwarded, found.has_request_id, found.is_framed
    assert others == (False, False, False)


def test_a_header_that_may_come_once_is_found_twice() -> None:
    found = header_names(scope_of([*HEADERS, (b"accept", b"a/b"), (b"host", b"b")]))
    assert (found.repeated, found.parametric) == (b"host", (1, 3))


def test_framing_forwarded_and_request_id_are_found() -> None:
    for name in (b"content-length", b"transfer-encoding"):
        assert header_names(scope_of([*HEADERS, (name, b"1")])).is_framed
    for name in (b"x-forwarded-for", b"forwarded", b"x-real-ip"):
        assert header_names(scope_of([*HEADERS, (name, b"1")])).has_forwarded
    assert header_names(scope_of([*HEADERS, (b"x-request-id", b"1")])).has_request_id


def test_a_new_list_of_headers_is_looked_through_anew() -> None:
    scope = scope_of(HEADERS)
    assert header_names(scope) is header_names(scope)
    scope["headers"] = [*HEADERS, (b"content-length", b"1")]
    assert header_names(scope).is_framed


def test_headers_with_the_same_names_need_no_second_look() -> None:
    scope = scope_of(HEADERS)
    found = header_names(scope)
    replace_headers(scope, [*HEADERS, (b"x-request-id", b"1")], found)
    assert header_names(scope) is found


def test_clients_cannot_fill_the_memory_with_names() -> None:
    for number in range(2 * names.MAX_CACHED):
        header_names(scope_of([(b"x-%d" % number, b"")]))
    assert len(names._known) <= names.MAX_CACHED
    before = len(names._known)
    long = b"x" * (names.MAX_CACHED_SIZE + 1)
    assert header_names(scope_of([(long, b""), (b"host", b"a")])).host == 1
    assert len(names._known) == before
