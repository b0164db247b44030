"""What the load asks for: endpoints of the contract."""

from dataclasses import dataclass

SEEDED_USERS = 98  # with Alice and Bob, one full page of the contract


@dataclass(frozen=True)
class Workload:
    """One request, sent again and again.

    Attributes:
        path: below the target's prefix; ``{user}`` stands for the id of a user.
        status: what a right answer says.
    """

    name: str
    title: str
    path: str
    method: str = "GET"
    status: int = 200


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("hello", "the framework alone", "/api/hello"),
        Workload("users", "a list of 20 from the database", "/api/users?limit=20"),
        Workload("user", "one user by id", "/api/users/{user}"),
        Workload("create", "a user validated and written", "/api/users", "POST", 201),
        Workload("wait", "a wait of 50 ms", "/api/wait?ms=50"),
    )
}
