"""The example requests that the Compare page offers."""

from dataclasses import dataclass

NEW_USER = '{"name": "Carol", "email": "carol@{framework}.example"}'


@dataclass(frozen=True)
class Example:
    """An example request.

    Attributes:
        ignore: what differs because each framework uses a row of its own.
    """

    title: str
    method: str
    path: str
    body: str = ""
    content_type: str = "application/json"
    ignore: str = ""


EXAMPLES = [
    Example("List users", "GET", "/api/users"),
    Example("A page of users, with a link to the next", "GET", "/api/users?limit=1"),
    Example("Search users", "GET", "/api/users?search=ALICE"),
    Example("One user", "GET", "/api/users/1"),
    Example("Create a user in each", "POST", "/api/users", NEW_USER, ignore="/id, Location"),
    Example(
        "Replace a user",
        "PUT",
        "/api/users/2",
        '{"name": "Robert", "email": "bob@example.com"}',
    ),
    Example("Change a user", "PATCH", "/api/users/2", '{"name": "Bob"}'),
    Example("Delete a user that is not there", "DELETE", "/api/users/999999"),
    Example("Hello, the framework alone", "GET", "/api/hello"),
    Example("Who am I", "GET", "/api/me"),
    Example("Wait 50 ms", "GET", "/api/wait?ms=50"),
    Example("Error: no such user", "GET", "/api/users/999999"),
    Example("Error: no such path", "GET", "/api/nothing"),
    Example("Error: wrong method", "DELETE", "/api/users"),
    Example("Error: invalid values", "POST", "/api/users", '{"name": "", "email": "nobody"}'),
    Example("Error: not JSON", "POST", "/api/users", "{"),
    Example("Error: another media type", "POST", "/api/users", "name=Carol", "text/plain"),
    Example("Error: invalid query", "GET", "/api/users?limit=0&after=x"),
    Example("Which methods are allowed", "OPTIONS", "/api/users/1"),
]
