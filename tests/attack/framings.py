"""Requests whose body, head or target two parsers could interpret differently."""

from itertools import product

from tests.attack.cases import (
    CHUNKED,
    CHUNKS,
    HIDDEN,
    LAST,
    OBJECT,
    REFUSED,
    SERVED,
    Case,
    each,
    request,
    with_length,
)


def refused(*headers: bytes, body: bytes = OBJECT) -> Case:
    """Build a request whose body two parsers could read differently."""
    return Case(request(*headers, body=body), fate=REFUSED)


def read(*headers: bytes, body: bytes = OBJECT) -> Case:
    """Build a request whose body is an empty object in any framing."""
    return Case(request(*headers, body=body), b"{}")


TWO_FRAMINGS = [
    refused(b"Content-Length: %d" % (len(HIDDEN) + 5), CHUNKED, body=b"0\r\n\r\n" + HIDDEN),
    refused(CHUNKED, b"Content-Length: 4", body=CHUNKS),
    refused(CHUNKED, b"Content-Length: 0", body=CHUNKS),
]
ODD_ENCODINGS = [
    refused(header)
    for header in [
        b"Transfer-Encoding: xchunked",
        b"Transfer-Encoding: chunk",
        b"Transfer-Encoding: identity",
        b"Transfer-Encoding: chunked, identity",
        b"Transfer-Encoding: chunked, chunked",
        b"Transfer-Encoding: chunked,",
        b"Transfer-Encoding: chunked;q=1",
        b'Transfer-Encoding: "chunked"',
        b"Transfer-Encoding: \x0bchunked",
        b"Transfer-Encoding: chunked\x0b",
        b"Transfer-Encoding: chunked\x00",
        b"Transfer-Encoding : chunked",
        b"Transfer-Encoding\t: chunked",
        b"Transfer-Encoding:\r\n chunked",
        b"Transfer-Encoding:\n chunked",
        b"X: a\r\n Transfer-Encoding: chunked",
        b"X: a\nTransfer-Encoding: chunked",
        b"X: a\rTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        b" Transfer-Encoding: chunked",
        b"Transfer Encoding: chunked",
        b": chunked",
        b"Transfer-Encoding",
    ]
]
ENCODINGS = [
    read(b"Transfer-Encoding: " + value)
    for value in [b"chunked", b"Chunked", b"\tchunked", b"identity, chunked"]
]
ODD_LENGTHS = [
    refused(b"Content-Length: " + value, body=b"{}")
    for value in [
        *(b"+2", b"-2", b"0x2", b"2,2", b"2, 3", b"2 2", b"", b"2.0", b"1e0", b"2_0", b"2\x00"),
        *(b"\xc2\xb2", b"18446744073709551618", b"99999999999999999999"),
        b"2\r\nContent-Length: 2",
        b"2\r\nContent-Length: 40",
        b"2\r\n 40",
    ]
]
LENGTHS = [
    read(b"Content-Length:" + value, body=b"{}") for value in [b"2", b"02", b"2 ", b" \t2\t "]
]
# Their names contain underscores, so they are other headers.
OTHER_HEADERS = [
    read(b"Content-Length: 2", b"Transfer_Encoding: chunked", b"Content_Length: 40", body=b"{}")
]
ODD_CHUNKS = [
    refused(CHUNKED, body=body)
    for body in [
        b"2\n{}\r\n0\r\n\r\n",
        b"2\r\n{}\n0\n\n",
        b"2\r\r\n{}\r\n0\r\n\r\n",
        b"2 \r\n{}\r\n0\r\n\r\n",
        b" 2\r\n{}\r\n0\r\n\r\n",
        b"+2\r\n{}\r\n0\r\n\r\n",
        b"0x2\r\n{}\r\n0\r\n\r\n",
        b"-1\r\n{}\r\n0\r\n\r\n",
        b"g\r\n{}\r\n0\r\n\r\n",
        b"\r\n{}\r\n0\r\n\r\n",
        b"2;\n\r\n{}\r\n0\r\n\r\n",
        b"10000000000000002\r\n{}\r\n0\r\n\r\n",
        b"fffffffffffffffff2\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}0\r\n\r\n",
        b"2\r\n{}XX\r\n0\r\n\r\n",
        b"2\r\n{}\r\n0\r\nContent-Length 40\r\n\r\n",
    ]
]
EXTENSIONS = [
    read(CHUNKED, body=body)
    for body in [
        b'2;a=1;b="2"\r\n{}\r\n0\r\n\r\n',
        b"2;a\r\n{}\r\n0;last\r\n\r\n",
        b"0002\r\n{}\r\n000\r\n\r\n",
        b"1;a=0\r\n{\r\n1;a=1\r\n}\r\n0;a=2\r\n\r\n",
        b'2;a="GET /asgi/hidden?NUMBER HTTP/1.1"\r\n{}\r\n0\r\n\r\n',
    ]
]
TRAILERS = [
    read(CHUNKED, body=b"2\r\n{}\r\n0\r\n%b\r\n%b\r\n\r\n" % lines)
    for lines in [
        (b"X-Request-ID: stolen", b"Cookie: sessionid=stolen"),
        (b"Host: evil.example", b"Expect: 100-continue"),
        (b"Upgrade: h2c", b"Connection: Upgrade"),
        (b"Upgrade: websocket", b"Connection: Upgrade"),
    ]
]
# A server ignores or refuses an option that frames, and ignores or obeys one that closes.
FRAMING_TRAILERS = [
    read(CHUNKED, body=b"2\r\n{}\r\n0\r\n%b\r\n\r\n" % line)._replace(fate=SERVED | fate)
    for line, fate in [
        (b"Content-Length: 40", REFUSED),
        (b"Transfer-Encoding: chunked", REFUSED),
        (b"Connection: close", LAST),
    ]
]
HOST = b"Host: 127.0.0.1\r\n"
ODD_HEADS = [
    Case(data, fate=REFUSED)
    for data in [
        b"POST TARGET HTTP/1.1\nHost: 127.0.0.1\nContent-Length: 2\n\n{}",
        b"POST TARGET HTTP/1.1\r\n Host: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}",
        b"POST TARGET HTTP/1.1\r\n" + HOST + b"X: a\x00b\r\n\r\n",
        b"POST TARGET HTTP/1.1\r\n" + HOST + b"X: a\r\r\n\r\n",
        b"POST TARGET HTTP/1.1\r\n" + HOST + b"\r\r\n",
        b"POST\tTARGET HTTP/1.1\r\n" + HOST + b"\r\n",
        b"POST TARGET HTTP/1.1 x\r\n" + HOST + b"\r\n",
        b"POST TARGET users HTTP/1.1\r\n" + HOST + b"\r\n",
        b"P\xc3\x96ST TARGET HTTP/1.1\r\n" + HOST + b"\r\n",
        b"\x00POST TARGET HTTP/1.1\r\n" + HOST + b"\r\n",
    ]
]
FRAGMENTS = [
    Case(data.replace(b"TARGET", target), fate=REFUSED)
    for data, target in product(
        [request(method="GET"), with_length()], [b"TARGET#x", b"TARGET#", b"/#TARGET"]
    )
]
BEFORE = [Case(b"\r\n" + with_length(), HIDDEN)]  # an empty line (RFC 9112, 2.2)
METHODS = ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"]  # in addition to POST
BODIES = [case for method in ["POST", *METHODS] for case in each(method=method)]

FRAMINGS = [
    *(*TWO_FRAMINGS, *ODD_ENCODINGS, *ENCODINGS, *ODD_LENGTHS, *LENGTHS, *OTHER_HEADERS),
    *(*ODD_CHUNKS, *EXTENSIONS, *TRAILERS, *FRAMING_TRAILERS, *ODD_HEADS, *FRAGMENTS),
    *(*BEFORE, *BODIES),
]
