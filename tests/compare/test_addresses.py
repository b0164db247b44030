"""The paths that the gateway and its pages refuse."""

import pytest
from playwright.sync_api import Page

from framework_gateway.compare.addresses import find_fault
from tests.assets import STATIC

REFUSED = [
    *("/..", "/.", "/../", "/../flask/api/users", "/./api", "/api/..", "/api/./users"),
    *("/%2e%2e/x", "/%2E./x", "/.%2E/x", "/%2e/x", "/a/%2e%2E", "/a%2f..%2fb", "/..%2Fx"),
    *("/%252e%252e/x", "/%25252e%252e/x", "/%%32%65./x", "/..%252fx", "/.%25%32%65/"),
    *("/..\\x", "/a\\..\\b", "/..%5cx", "/%5c..%5C", "/a%5c%2e%2e", "\\..\\x", "/\\evil.example"),
    *("//evil.example/x", "/%2Fevil.example", "/%2f%2fevil.example", "/%5Cevil.example"),
    *("///", "%2F..", "", "api/users", "https://evil.example/", "@evil.example", ":81/", "."),
    *("/..;/x", "/..;a=b/x", "/.;", "/..%3B/x", "/%2e%2e%3bx/y", "/a/..;"),
    *("/.%09./x", "/.\t./x", "/.%0a./x", "/.%0D%0A./x", "/a%00b", "/%7f", "/\n../x", "/a%0ab"),
    *("/.. /x", "/..%20/x", "/%20../x", "/..%23x", "/..%3Fx", "/..#x", "/a/.%2523"),
    "/%2525252525252e",
]
TAKEN = [
    *(
        "/",
        "/api/users",
        "/api/users/",
        "/api//users",
        "/api/users/%C3%A9",
        "/%FF",
        "/%",
        "/100%25",
    ),
    *(
        "/...",
        "/..a",
        "/a..",
        "/.well-known/x",
        "/a.b/c..d",
        "/.a;b",
        "/a;..",
        "/a%2Fb",
        "/a%252Fb",
    ),
    *("/a?x=../..", "/a?x=/../%2e%2e&y=//z", "/a%20b", "/a:b@c", "/~a", "/{}"),
]


@pytest.mark.parametrize("path", REFUSED)
def test_unsafe_paths_are_refused(path: str) -> None:
    assert find_fault(path)


@pytest.mark.parametrize("path", TAKEN)
def test_safe_paths_are_accepted(path: str) -> None:
    assert find_fault(path.partition("?")[0]) is None


# Runs the pages' own function in a page.
ADDRESS = """async ([script, base, path]) => {
    const { addressBelow } = await import(script);
    try { return addressBelow(base, path).href } catch (error) { return error.message }
}"""


def test_the_pages_refuse_the_same_paths(window: Page) -> None:
    window.goto("/guide")
    script = f"{STATIC}/send.js"
    for base in ("/compare", "/outer/compare"):
        for path in REFUSED:
            fault = find_fault(path)
            assert window.evaluate(ADDRESS, [script, base, path]) == fault, path
        for path in TAKEN:
            origin = window.url.removesuffix("/guide")
            url = window.evaluate(ADDRESS, [script, base, path])
            assert url.startswith(f"{origin}{base}/"), path
