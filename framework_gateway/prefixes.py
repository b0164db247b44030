"""Prefixes that a mount may have."""

# What the gateway itself serves even if an application is mounted at "/".
OWN_PATHS = ["/health/live", "/health/ready", "/metrics"]


def check_prefix(path: str) -> None:
    """Refuse a prefix that would take a path from the gateway; ``/`` does not.

    Raises:
        ValueError: it does.
    """
    taken = [own for own in OWN_PATHS if path and f"{own}/".startswith(f"{path}/")]
    if taken:
        raise ValueError(f"{path} cannot be a prefix: the gateway serves {' and '.join(taken)}")
