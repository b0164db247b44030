"""The workloads: requests to the endpoints of the contract, and to Django's pages for staff."""

from dataclasses import dataclass

SEEDED_USERS = 98  # with Alice and Bob, exactly one page of the contract's maximum size


@dataclass(frozen=True)
class Workload:
    """A request that the load generator repeats.

    Attributes:
        path: below the target's prefix; ``{user}`` and the like stand for what the database has
            (``databases.Contents``).
        status: of the expected response.
        staff: whether a member of staff asks. Only Django has these pages.
        after_change: whether another user is created before each request. One connection does
            both, and only the request counts.
    """

    name: str
    title: str
    path: str
    method: str = "GET"
    status: int = 200
    staff: bool = False
    after_change: bool = False


ADMIN = "/admin/django_app"

WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("hello", "the framework alone", "/api/hello"),
        Workload("users", "a list of 20 from the database", "/api/users?limit=20"),
        Workload("user", "one user by id", "/api/users/{user}"),
        Workload("page", "20 from the middle of the table", "/api/users?limit=20&after={middle}"),
        Workload("search", "a search that finds one user", "/api/users?search={needle}"),
        Workload("search-none", "a search that finds nobody", "/api/users?search={absent}"),
        Workload("create", "validate and write a user", "/api/users", "POST", 201),
        Workload(
            "dashboard", "Django's dashboard after a change", "/", staff=True, after_change=True
        ),
        Workload("wait", "a wait of 50 ms", "/api/wait?ms=50"),
    )
}
# Not for all sizes of table and numbers of connections, so not to choose by --workload.
ADMIN_WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("admin-users", "the admin's list of users", f"{ADMIN}/user/", staff=True),
        Workload("admin-search", "its search", f"{ADMIN}/user/?q={{needle}}", staff=True),
        Workload("admin-events", "its list of events", f"{ADMIN}/userevent/", staff=True),
    )
}
