"""The list: limit, after, search, and the link to the next page."""

import re

import pytest

from tests.conftest import Api, assert_problem


@pytest.fixture
def crowd(api: Api) -> Api:
    """A hundred and twenty users in addition to Alice and Bob."""
    from django_app.models import User

    User.objects.bulk_create(
        User(name=f"User {number}", email=f"user{number}@example.org") for number in range(120)
    )
    return api


def follow(api: Api, path: str) -> list[list[int]]:
    """Follow the links from ``path`` on; return the ids of each page."""
    pages = []
    url = api.prefix + path
    while True:
        response = api.client.get(url)
        assert response.status_code == 200
        pages.append([user["id"] for user in response.json()])
        if "Link" not in response.headers:
            return pages
        match = re.fullmatch(r'<([^>]+)>; rel="next"', response.headers["Link"])
        assert match
        url = match[1]
        assert url.startswith(f"{api.prefix}/api/users?")


@pytest.mark.parametrize(
    ("path", "sizes"),
    [
        ("/api/users", [100, 22]),
        ("/api/users?limit=61", [61, 61]),
        ("/api/users?limit=60", [60, 60, 2]),
        ("/api/users?after=100", [22]),
        ("/api/users?after=9223372036854775807", [0]),
    ],
)
def test_following_the_links_visits_every_row_once(crowd: Api, path: str, sizes: list[int]) -> None:
    pages = follow(crowd, path)
    assert [len(page) for page in pages] == sizes
    ids = [user_id for page in pages for user_id in page]
    assert ids == list(range(123 - len(ids), 123))


def test_a_page_begins_after_an_id_and_not_at_a_page_number(crowd: Api) -> None:
    first = crowd.get("/api/users?limit=3").json()
    crowd("DELETE", f"/api/users/{first[0]['id']}")
    second = crowd.get(f"/api/users?limit=3&after={first[-1]['id']}").json()
    assert [user["id"] for user in second] == [4, 5, 6]


def test_the_link_keeps_the_search(crowd: Api) -> None:
    response = crowd.get("/api/users", params={"limit": 1, "search": "user 1"})
    assert [user["name"] for user in response.json()] == ["User 1"]
    assert response.headers["Link"] == (
        f'<{crowd.prefix}/api/users?limit=1&after=4&search=user+1>; rel="next"'
    )
    assert sum(map(len, follow(crowd, "/api/users?limit=7&search=user+1"))) == 31


@pytest.mark.parametrize(
    ("search", "names"),
    [
        ("ALI", ["Alice"]),
        ("bob@", ["Bob"]),
        ("EXAMPLE.com", ["Alice", "Bob", "Émile_100%", "a\\b"]),
        ("émile", ["Émile_100%"]),
        ("ÉMILE", ["Émile_100%"]),
        ("%", ["Émile_100%"]),
        ("_", ["Émile_100%"]),
        ("\\", ["a\\b"]),
        ("", ["Alice", "Bob", "Émile_100%", "a\\b"]),
        ("nobody", []),
        ("'", []),
    ],
)
def test_search_matches_part_of_the_name_or_email_in_any_case(
    api: Api, search: str, names: list[str]
) -> None:
    api.post("/api/users", json={"name": "Émile_100%", "email": "e@example.com"})
    api.post("/api/users", json={"name": "a\\b", "email": "ab@example.com"})
    response = api.get("/api/users", params={"search": search})
    assert [user["name"] for user in response.json()] == names


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        *((f"limit={value}", "limit") for value in ("0", "101", "-1", "x", "1.0", "", "1_0")),
        *(
            (f"after={value}", "after")
            for value in ("0", "-1", "x", "9223372036854775808", "", "%D9%A3", "+1", "9" * 5000)
        ),
        ("search=a%00b", "search"),
        ("search=" + "a" * 255, "search"),
    ],
)
def test_an_invalid_query_is_refused(api: Api, query: str, parameter: str) -> None:
    problem = assert_problem(api.get(f"/api/users?{query}"), 422)
    assert [error["pointer"] for error in problem["errors"]] == [f"/{parameter}"]


@pytest.mark.parametrize("query", ["page=2", "LIMIT=0", "a=1&a=2", "%FF=%FF", "&&=", "x" * 3000])
def test_unknown_query_parameters_are_ignored(api: Api, query: str) -> None:
    assert len(api.get(f"/api/users?{query}").json()) == 2


def test_thousands_of_query_parameters_are_ignored(api: Api) -> None:
    assert len(api.get("/api/users?" + "&".join("x=1" for _ in range(5000))).json()) == 2


def test_the_last_of_two_parameters_with_the_same_name_counts(api: Api) -> None:
    assert len(api.get("/api/users?limit=0&limit=1").json()) == 1
