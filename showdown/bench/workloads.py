"""The workloads: requests to the endpoints of the contract."""

from dataclasses import dataclass

SEEDED_USERS = 98  # with Alice and Bob, exactly one page of the contract's maximum size


@dataclass(frozen=True)
class Workload:
    """A request that the load generator repeats.

    Attributes:
        path: below the target's prefix; ``{user}`` stands for the id of a user.
        status: of the expected response.
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
        Workload("create", "validate and write a user", "/api/users", "POST", 201),
        Workload("wait", "a wait of 50 ms", "/api/wait?ms=50"),
    )
}
