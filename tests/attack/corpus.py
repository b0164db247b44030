"""Requests, alone and in pairs, which must get exactly one response each."""

from itertools import product

from tests.attack.cases import (
    HIDDEN,
    LAST,
    REFUSED,
    SERVED,
    Case,
    each,
    in_chunks,
    request,
    with_length,
)
from tests.attack.framings import FRAMINGS, METHODS, refused
from tests.attack.upgrades import H2C, HANDSHAKE, NO_WEBSOCKET, UPGRADE, UPGRADES

VERSIONS = [
    Case(data, fate=REFUSED, statuses=frozenset({505}))
    for version in ["HTTP/2.0", "HTTP/0.9", "HTTP/1.2", "HTTP/3.0"]
    for data in [request(method="GET", version=version), with_length(version=version)]
]
NO_VERSIONS = [
    Case(with_length(version=version), fate=REFUSED)
    for version in ["http/1.1", "HTTP/01.1", "HTTP/1.10", "HTTP/1", "FOO/1.1"]
]

CONTINUE = b"Expect: 100-continue"
EXPECTATIONS = [
    case for header in [CONTINUE, b"expect: 100-Continue", b"Expect:"] for case in each(header)
]
# A response that does not wait for the body may end the connection.
EARLY_ANSWERS = [
    case for method in METHODS for case in each(CONTINUE, method=method, fate=SERVED | LAST)
] + each(CONTINUE, *HANDSHAKE, method="GET", fate=SERVED | LAST | REFUSED, statuses=NO_WEBSOCKET)
UNKNOWN_EXPECTATIONS = [
    case
    for value in [b"200-ok", b"100-continue, x", b"x, 100-continue", b"100-continue=1"]
    for case in each(b"Expect: " + value, fate=SERVED | REFUSED, statuses=frozenset({400, 417}))
]

KEPT = [
    case
    for header in [
        *(b"Connection: keep-alive", b"Connection: Keep-Alive"),
        *(b"Connection: x", b"Connection: x, y", b"Connection:", b"Connection: ,"),
        *(b"Connection: content-length", b"Connection: transfer-encoding", b"Connection: host"),
        b"Connection: content-type, x-request-id",
        b"Connection: TE, trailers\r\nTE: trailers",
        b"Connection: keep-alive, x\r\nKeep-Alive: timeout=1, max=1",
    ]
    for case in each(header)
]
CLOSED = [
    case
    for value in [
        *(b"close", b"Close", b"x,close", b"close, x", b"close, keep-alive", b"keep-alive, close"),
        b"keep-alive\r\nConnection: close",
    ]
    for case in each(b"Connection: " + value, fate=LAST)
]
# No standard defines it; a server may obey or ignore it.
PROXY_CONNECTIONS = each(b"Proxy-Connection: close", fate=SERVED | LAST)

KEEP_ALIVE = b"Connection: keep-alive"
HTTP10 = [
    case._replace(data=case.data.replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1))
    for case in [
        Case(request(method="GET"), fate=LAST),
        Case(request(method="HEAD"), fate=LAST),
        Case(with_length(), HIDDEN, LAST),
        Case(with_length(CONTINUE), HIDDEN, LAST),
        Case(with_length(b"Connection: close"), HIDDEN, LAST),
        Case(with_length(KEEP_ALIVE), HIDDEN, SERVED | LAST),
        Case(request(KEEP_ALIVE, method="GET"), fate=SERVED | LAST),
        Case(with_length(UPGRADE, H2C), HIDDEN, LAST),
        Case(request(UPGRADE, H2C), fate=LAST),
        Case(request(*HANDSHAKE, method="GET"), b"", LAST | REFUSED, NO_WEBSOCKET),
        # Its framing is faulty, so the server may serve or refuse it (RFC 9112, 6.1).
        Case(in_chunks(), HIDDEN, LAST | REFUSED),
        Case(in_chunks(KEEP_ALIVE), HIDDEN, LAST | REFUSED),
    ]
]

SINGLE = [
    *(*FRAMINGS, *UPGRADES, *VERSIONS, *NO_VERSIONS, *EXPECTATIONS, *EARLY_ANSWERS),
    *(*UNKNOWN_EXPECTATIONS, *KEPT, *CLOSED, *PROXY_CONNECTIONS, *HTTP10),
]
GOING_ON = [
    Case(request(method="GET")),
    Case(with_length(), HIDDEN),
    Case(in_chunks(), HIDDEN),
    Case(with_length(UPGRADE, H2C), HIDDEN),
    Case(in_chunks(CONTINUE), HIDDEN),
]
ENDING = [
    refused(b"Content-Length: 2, 2", body=HIDDEN),
    Case(with_length(b"Connection: close"), HIDDEN, LAST),
    Case(request(*HANDSHAKE, method="GET"), b"", SERVED | REFUSED, NO_WEBSOCKET),
]
CORPUS = [*((case,) for case in SINGLE), *product(GOING_ON, [*GOING_ON, *ENDING])]
