"""When to use which framework: the article's advice, with the verdicts of the claims behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Advice:
    """One situation and the framework to choose.

    Attributes:
        shown_by: what the link shows.
        link: relative to the front page.
        claims: the names of the claims that the advice relies on.
    """

    situation: str
    choice: str
    reason: str
    shown_by: str
    link: str
    claims: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """A piece of advice with the claims that a run has decided.

    Attributes:
        claims: those of the advice, as the run's document has them.
    """

    advice: Advice
    claims: Sequence[Mapping[str, Any]]

    @property
    def refuted(self) -> bool:
        """Whether a claim that the advice relies on does not hold."""
        return any(claim["verdict"] == "does not hold" for claim in self.claims)


def advise(run: Mapping[str, Any] | None) -> list[Row]:
    """Return the advice with the verdicts of a run, if there is one."""
    decided = {
        claim["name"]: claim for claim in (run["claims"] if run else ()) if claim["conditions"]
    }
    return [
        Row(advice, [decided[name] for name in advice.claims if name in decided])
        for advice in GUIDE
    ]


FLASK, FASTAPI, DJANGO = "Flask", "FastAPI", "Django"

GUIDE = [
    Advice(
        "A small API or a microservice",
        FLASK,
        "A route is a function; you add other parts one at a time.",
        "the source of GET /api/hello in each framework",
        "code?operation=GET+/api/hello",
        claims=("footprint",),
    ),
    Advice(
        "A prototype, or learning",
        FLASK,
        "You need to learn little before the first response.",
        "a list endpoint in each framework",
        "code?operation=GET+/api/users",
        claims=("footprint",),
    ),
    Advice(
        "Full control over the parts",
        FLASK,
        "Flask has no database layer, validation or settings of its own: this project adds"
        " SQLAlchemy and Pydantic.",
        "creating a user in each framework",
        "code?operation=POST+/api/users",
    ),
    Advice(
        "An API where throughput matters",
        FASTAPI,
        "FastAPI itself does little for a request. With a database, the driver may decide: measure"
        " your own application.",
        "a race for /api/hello",
        "race?path=/api/hello",
        claims=("faster", "async-def"),
    ),
    Advice(
        "Many concurrent slow upstream calls",
        FASTAPI,
        "A coroutine that waits holds no thread; in Flask and usual Django views, each call does.",
        "a race of 50 ms waits",
        "race?path=/api/wait%3Fms%3D50",
        claims=("blocks-a-worker", "quart", "slow-upstream"),
    ),
    Advice(
        "Event streams to many clients",
        FASTAPI,
        "An open connection costs a coroutine, not a thread.",
        "changes of users as they happen",
        "live",
        claims=("streaming",),
    ),
    Advice(
        "Clients that need API documentation",
        FASTAPI,
        "FastAPI generates the OpenAPI document and Swagger UI from the code.",
        "Swagger UI",
        "fastapi/docs",
    ),
    Advice(
        "Requests that must be validated",
        FASTAPI,
        "Schemas are part of the function's signature; in Flask and Django, the view calls them.",
        "the responses to invalid values",
        "?method=POST&path=/api/users&body=%7B%22name%22%3A%22%22%7D",
        claims=("validation",),
    ),
    Advice(
        "Staff who manage data",
        DJANGO,
        "Each registered model gets pages in the admin.",
        "the admin",
        "django/admin/",
    ),
    Advice(
        "A schema that grows over years",
        DJANGO,
        "Migrations are generated from the models; all three frameworks here use Django's.",
        "the admin's list of users",
        "django/admin/django_app/user/",
    ),
    Advice(
        "Users, groups and permissions",
        DJANGO,
        "They are built into Django.",
        "groups in the admin",
        "django/admin/auth/group/",
    ),
    Advice(
        "A large team that needs structure",
        f"{DJANGO}, not {FLASK}",
        "Django decides where models, views and URLs go; Flask leaves that to you.",
        "the routes of all three frameworks",
        "routes",
    ),
    Advice(
        "An API only, with most of Django unused",
        f"{FASTAPI} or {FLASK}, not {DJANGO}",
        "Every request passes through Django's middleware, whether you need it or not.",
        "a race for /api/hello",
        "race?path=/api/hello",
        claims=("django-overhead",),
    ),
    Advice(
        "A team new to async",
        f"{FLASK} or {DJANGO}, not {FASTAPI}",
        "One blocking call in an async function delays every other request.",
        "GET /api/wait in each framework",
        "code?operation=GET+/api/wait",
        claims=("blocking-handlers",),
    ),
    Advice(
        "Several of these at once",
        "All of them",
        "One process can serve them on one database, each under its prefix.",
        "the same request to all three frameworks",
        "",
    ),
]
