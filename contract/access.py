"""The permissions of the API, and the cache headers of private responses."""

VIEW = ("view_user", "change_user")  # either one permits viewing, as in Django's admin
PERMISSIONS: dict[str, tuple[str, ...] | None] = {
    **dict.fromkeys(("GET", "HEAD", "OPTIONS", "TRACE")),
    "POST": ("add_user",),
    "PUT": ("change_user",),
    "PATCH": ("change_user",),
    "DELETE": ("delete_user",),
}
EXPORTS = "api/exports/"

# The headers of a response that depends on the account: no cache may store it (RFC 9111, 5.2.2.5).
PRIVATE = {"Cache-Control": "no-store", "Vary": "Cookie, Authorization"}


def permissions_for(method: str, path: str) -> tuple[str, ...] | None:
    """Return the permissions of which a request needs one, or None when it needs no permission.

    Unsafe methods need a permission on every path, so that no spelling of a path bypasses it.

    Args:
        path: the path below the prefix of the framework, without its first slash.

    Returns:
        Names of Django's permissions.
    """
    method = method.upper()  # Flask and Django ignore the case of the method
    if f"{path}/".startswith(EXPORTS) and method in ("GET", "HEAD", "POST"):
        return VIEW
    return PERMISSIONS.get(method, ("change_user",))
