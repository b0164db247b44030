"""The addresses that a mount's application can be."""

from typing import Any

import pytest

from framework_gateway.proxy.addresses import Address, AddressError, addresses_in, parse_address


@pytest.mark.parametrize(
    ("text", "members"),
    [
        ("http://127.0.0.1:9000", ("127.0.0.1", 9000, "", False, "", "127.0.0.1:9000")),
        ("http://old.example", ("old.example", 80, "", False, "", "old.example")),
        ("https://old.example/", ("old.example", 443, "", True, "", "old.example")),
        (
            "https://old.example:8443/a/b/",
            ("old.example", 8443, "", True, "/a/b", "old.example:8443"),
        ),
        ("http://[::1]:9000", ("::1", 9000, "", False, "", "[::1]:9000")),
        ("unix:/run/old.sock", ("", 0, "/run/old.sock", False, "", "localhost")),
        ("unix:///run/old.sock", ("", 0, "/run/old.sock", False, "", "localhost")),
    ],
)
def test_addresses(text: str, members: tuple[Any, ...]) -> None:
    assert parse_address(text) == Address(text, *members)


@pytest.mark.parametrize(
    "text",
    [
        *("ftp://old.example", "http://", "http://:80", "http://a:b", "http://a:70000"),
        *("http://user:pw@a", "http://a?b", "http://a#b", "http://a/b c", "http://a\r\n/x"),
        *("unix:", "unix:run/old.sock", "old.example:80", "http://ä.example", "http://a/\x00"),
    ],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(AddressError, match="is not"):
        parse_address(text)


@pytest.mark.parametrize(
    ("application", "expected"),
    [
        ("http://a:1", ["http://a:1"]),
        ("http://a:1, https://b", ["http://a:1", "https://b"]),
        ("unix:/run/a.sock,unix:/run/b.sock", ["unix:/run/a.sock", "unix:/run/b.sock"]),
        (["http://a:1", "unix:/b"], ["http://a:1", "unix:/b"]),
        (("http://a:1",), ["http://a:1"]),
        ("shop.wsgi:application", None),
        ("shop", None),
        ([], None),
        (["shop:app"], None),
        (["http://a", print], None),
        (print, None),
    ],
)
def test_what_a_mount_takes_for_addresses(application: Any, expected: list[str] | None) -> None:
    assert addresses_in(application) == expected
