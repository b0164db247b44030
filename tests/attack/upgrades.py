"""Requests that offer to switch to another protocol; the gateway accepts none of these offers.

The offer is ignored (RFC 9110, 7.8), and the request is served with its body.
"""

from tests.attack.cases import (
    CHUNKED,
    HIDDEN,
    LAST,
    REFUSED,
    SERVED,
    Case,
    each,
    request,
    with_length,
)
from tests.attack.framings import METHODS, read

UPGRADE = b"Connection: Upgrade"
H2C = b"Upgrade: h2c"
SETTINGS = b"HTTP2-Settings: AAMAAABkAAQAAP__"
PROTOCOLS = [
    case
    for protocol in [
        *(b"h2c", b"H2C", b"h2c, ", b"TLS/1.0", b"HTTP/2.0", b"anything", b"", b","),
        *(b"websocket, h2c", b"h2c, websocket", b"TLS/1.0, WebSocket"),
        *(b"websocket/13", b"web socket", b'"websocket"'),
    ]
    for case in each(UPGRADE, b"Upgrade: " + protocol)
]
OFFERS = [
    case
    for headers in [
        [b"Connection: Upgrade, HTTP2-Settings", H2C, SETTINGS],
        [b"Connection: HTTP2-Settings, Upgrade", H2C, SETTINGS],
        [b"Connection: Upgrade, HTTP2-Settings", SETTINGS],
        [b"connection: keep-alive, UPGRADE", b"UPGRADE: h2c"],
        [b"Connection: keep-alive", UPGRADE, H2C],
        [UPGRADE, b"Connection: keep-alive", H2C],
        [UPGRADE, H2C, b"Upgrade: TLS/1.0"],
        [UPGRADE, H2C, b"Upgrade: websocket"],
        [UPGRADE, b"Upgrade: websocket", H2C],
        [UPGRADE, H2C, b"Expect: 100-continue"],
        [H2C],
        [b"Upgrade: websocket"],
        [b"Connection: keep-alive", b"Upgrade: websocket"],
        [UPGRADE],
    ]
    for case in each(*headers)
]
BY_METHOD = [case for method in METHODS for case in each(UPGRADE, H2C, method=method)]
AT_THE_END = [
    case
    for token in [b"close, Upgrade", b"Upgrade, close", b"close\r\nConnection: Upgrade"]
    for case in each(b"Connection: " + token, H2C, fate=LAST)
]
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"  # RFC 9113, 3.4
AT_ONCE = [
    Case(request(UPGRADE, H2C, b"Content-Length: %d" % len(PREFACE), body=PREFACE), PREFACE),
    read(UPGRADE, H2C, b"Content-Length: 2", body=b"{}"),
    Case(with_length(UPGRADE, H2C).replace(b"TARGET", b"http://127.0.0.1TARGET"), HIDDEN),
    read(UPGRADE, H2C, CHUNKED, body=b"2;a=1\r\n{}\r\n0\r\nUpgrade: h2c\r\n\r\n"),
]
LARGE = b"x" * 200_000
LARGE_BODIES = [
    Case(request(UPGRADE, H2C, b"Content-Length: %d" % len(LARGE), body=LARGE), LARGE),
    Case(
        request(UPGRADE, H2C, CHUNKED, body=b"%x\r\n%b\r\n0\r\n\r\n" % (len(LARGE), LARGE)), LARGE
    ),
]

WEBSOCKET = b"Upgrade: websocket"
KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
HANDSHAKE = (UPGRADE, WEBSOCKET, b"Sec-WebSocket-Version: 13", KEY)
NO_WEBSOCKET = frozenset({400, 403, 404, 405, 426})
# No WebSocket is served there, or the handshake is wrong: ignored or refused, but at once.
HANDSHAKES = [
    case
    for method, headers in [
        ("GET", HANDSHAKE),
        ("POST", HANDSHAKE),
        ("OPTIONS", HANDSHAKE),
        ("GET", (UPGRADE, WEBSOCKET)),
        ("POST", (UPGRADE, WEBSOCKET)),
        ("POST", (b"connection: keep-alive, upgrade", b"upgrade: WebSocket")),
        ("GET", (UPGRADE, WEBSOCKET, KEY)),
        ("GET", (UPGRADE, WEBSOCKET, b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: x")),
        ("GET", (UPGRADE, WEBSOCKET, b"Sec-WebSocket-Version: 99", KEY)),
        ("GET", (b"Connection: keep-alive, Upgrade", *HANDSHAKE[1:])),
    ]
    for case in each(*headers, method=method, fate=SERVED | REFUSED, statuses=NO_WEBSOCKET)
] + each(
    *(b"Connection: Upgrade, close", *HANDSHAKE[1:]),
    method="GET",
    fate=LAST | REFUSED,
    statuses=NO_WEBSOCKET,
)
# The CONNECT method itself asks for another protocol.
CONNECTS = [
    case
    for headers in [(), (UPGRADE, H2C)]
    for case in each(
        *headers,
        method="CONNECT",
        fate=SERVED | LAST | REFUSED,
        statuses=frozenset({400, 405, 501}),
    )
]

UPGRADES = [
    *(*PROTOCOLS, *OFFERS, *BY_METHOD, *AT_THE_END, *AT_ONCE, *LARGE_BODIES),
    *(*HANDSHAKES, *CONNECTS),
]
