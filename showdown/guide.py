"""When to use which: the article's guidance, each row with what shows it here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Advice:
    """One situation, and what to choose in it.

    Attributes:
        shown_by: what to look at, and ``link``: its address, relative to the front page.
    """

    situation: str
    choice: str
    reason: str
    shown_by: str
    link: str


FLASK, FASTAPI, DJANGO = "Flask", "FastAPI", "Django"

GUIDE = [
    Advice(
        "A small API or a microservice",
        FLASK,
        "A route is a function; what else is needed is chosen one piece at a time.",
        "the whole of GET /api/hello in each",
        "code?operation=GET+/api/hello",
    ),
    Advice(
        "A prototype, or learning",
        FLASK,
        "There is little to know before the first answer.",
        "a list endpoint in each",
        "code?operation=GET+/api/users",
    ),
    Advice(
        "Full control over the parts",
        FLASK,
        "No database layer, no validation, no settings of its own: here they are SQLAlchemy and"
        " Pydantic.",
        "creating a user in each",
        "code?operation=POST+/api/users",
    ),
    Advice(
        "An API where throughput matters",
        FASTAPI,
        "Least work of the three for a request without a database; how much, your own browser"
        " can measure.",
        "a race for /api/hello",
        "race?path=/api/hello",
    ),
    Advice(
        "Many requests that wait for something",
        FASTAPI,
        "A waiting coroutine holds no thread.",
        "a race of 50 ms waits",
        "race?path=/api/wait%3Fms%3D50",
    ),
    Advice(
        "Events and streams to many clients",
        FASTAPI,
        "An open connection costs a coroutine and no thread.",
        "changes as they happen",
        "live",
    ),
    Advice(
        "Clients that want documentation",
        FASTAPI,
        "The OpenAPI document and Swagger UI come from the code itself.",
        "Swagger UI",
        "fastapi/docs",
    ),
    Advice(
        "Requests that must be validated",
        FASTAPI,
        "Schemas are part of the function's signature; in the other two, a line of the view calls"
        " them.",
        "the answers to invalid values",
        "?method=POST&path=/api/users&body=%7B%22name%22%3A%22%22%7D",
    ),
    Advice(
        "Staff that manage data",
        DJANGO,
        "The admin is there once a model is.",
        "the admin",
        "django/admin/",
    ),
    Advice(
        "A schema that grows over years",
        DJANGO,
        "Migrations come from the models; all three frameworks here live on Django's.",
        "the admin's list of users",
        "django/admin/django_app/user/",
    ),
    Advice(
        "Users, groups and permissions",
        DJANGO,
        "They are built in.",
        "groups in the admin",
        "django/admin/auth/group/",
    ),
    Advice(
        "A large team that needs structure",
        f"{DJANGO}, not {FLASK}",
        "Django says where models, views and addresses go; Flask leaves it to you.",
        "the routes of the three",
        "routes",
    ),
    Advice(
        "An API only, most of Django unused",
        f"{FASTAPI} or {FLASK}, not {DJANGO}",
        "Every request passes Django's middleware, used or not.",
        "a race for /api/hello",
        "race?path=/api/hello",
    ),
    Advice(
        "A team new to async",
        f"{FLASK} or {DJANGO}, not {FASTAPI}",
        "One blocking call in an async function holds up every other request.",
        "GET /api/wait in each",
        "code?operation=GET+/api/wait",
    ),
    Advice(
        "Several of these at once",
        "All of them",
        "One process can serve them on one database, each under its prefix.",
        "the same request to all three",
        "",
    ),
]
