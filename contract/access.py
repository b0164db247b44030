"""Who may do what in the API, and who may keep its answers."""

VIEW = ("view_user", "change_user")  # either lets somebody see users, as in Django's admin
PERMISSIONS: dict[str, tuple[str, ...] | None] = {
    **dict.fromkeys(("GET", "HEAD", "OPTIONS", "TRACE")),
    "POST": ("add_user",),
    "PUT": ("change_user",),
    "PATCH": ("change_user",),
    "DELETE": ("delete_user",),
}
EXPORTS = "api/exports/"

# Headers of an answer that depends on who asks: no cache keeps it (RFC 9111, 5.2.2.5).
PRIVATE = {"Cache-Control": "no-store", "Vary": "Cookie, Authorization"}


def permissions_for(method: str, path: str) -> tuple[str, ...] | None:
    """Return the permissions of which a request needs one, by Django's names; None: it needs none.

    Unsafe requests need theirs on every path, so that no spelling of a path goes around it.

    Args:
        path: below the prefix of the framework, without its first slash.
    """
    method = method.upper()  # as Flask and Django read it
    if f"{path}/".startswith(EXPORTS) and method in ("GET", "HEAD", "POST"):
        return VIEW
    return PERMISSIONS.get(method, ("change_user",))
