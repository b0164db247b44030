"""HEAD, OPTIONS, other methods, trailing slashes and unknown paths."""

import pytest

from tests.conftest import Api, assert_problem

ALLOWED = {
    "/api/users": "GET, HEAD, OPTIONS, POST",
    "/api/users/1": "DELETE, GET, HEAD, OPTIONS, PATCH, PUT",
    "/api/hello": "GET, HEAD, OPTIONS",
    "/api/wait": "GET, HEAD, OPTIONS",
}
METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT", "TRACE", "PROPFIND")
NOT_ALLOWED = [
    (method, path)
    for path, allowed in ALLOWED.items()
    for method in METHODS
    if method not in allowed
]


@pytest.mark.parametrize("path", [*ALLOWED, "/api/users/99", "/api/users?limit=1", "/nothing"])
def test_head_is_the_same_as_get_without_the_body(api: Api, path: str) -> None:
    head, get = api("HEAD", path), api.get(path)
    assert head.status_code == get.status_code
    assert head.content == b""
    named = ("Content-Type", "Content-Length", "Link", "Allow", "Location")
    assert [head.headers.get(name) for name in named] == [get.headers.get(name) for name in named]


@pytest.mark.parametrize(("path", "allowed"), ALLOWED.items())
@pytest.mark.parametrize("slash", ["", "/"])
def test_options_lists_the_allowed_methods(api: Api, path: str, allowed: str, slash: str) -> None:
    response = api("OPTIONS", path + slash)
    assert response.status_code == 204
    assert response.headers["Allow"] == allowed
    assert response.content == b""
    assert not {"content-type", "content-length"} & set(response.headers)


@pytest.mark.parametrize(("method", "path"), NOT_ALLOWED)
def test_any_other_method_is_refused(api: Api, method: str, path: str) -> None:
    response = api(method, path)
    assert_problem(response, 405)
    assert response.headers["Allow"] == ALLOWED[path]


def test_a_trailing_slash_is_the_same_resource(api: Api) -> None:
    created = api.post("/api/users/", json={"name": "Carol", "email": "carol@example.com"})
    assert created.status_code == 201
    assert created.headers["Location"] == f"{api.prefix}/api/users/3"
    assert api("PATCH", "/api/users/3/", json={"name": "C"}).json()["name"] == "C"
    assert api("DELETE", "/api/users/3/").status_code == 204
    for path in ("/api/users", "/api/users/1", "/api/hello", "/api/wait"):
        assert api.get(f"{path}/").content == api.get(path).content
    page = api.get("/api/users/?limit=1")
    assert page.headers["Link"] == f'<{api.prefix}/api/users?limit=1&after=1>; rel="next"'


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/api",
        "/api/",
        "/api/user",
        "/api/usersx",
        "/api/users//",
        "//api/users",
        "/api//users",
        "/api/users/1/posts",
        "/API/users",
        "/api/%FF",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "DELETE"])
def test_an_unknown_path_gets_the_contracts_problem_document(
    api: Api, method: str, path: str
) -> None:
    response = api(method, path)
    assert_problem(response, 404, detail="Nothing is served at this path.")
