"""Check the Host header against the allowed hosts."""

from collections.abc import Sequence
from functools import lru_cache

from starlette.exceptions import HTTPException
from starlette.types import Scope


class Hosts:
    """Refuses requests with a Host that is not allowed.

    Applications build redirects and absolute URLs from the Host header, so a client must not be
    able to choose it freely.

    Args:
        allowed: names in the form of Django's ALLOWED_HOSTS, without ports: ``shop.example``;
            ``.shop.example``, which includes all subdomains; ``*`` for any host.
        exempt: path prefixes, below the root path, that any Host may request, for health probes.
    """

    def __init__(self, allowed: Sequence[str], exempt: Sequence[str] = ()) -> None:
        self.allowed = [name.lower() for name in allowed]
        self.exempt = tuple(exempt)
        # A refused host raises, so the cache holds only allowed hosts.
        self._check = lru_cache(maxsize=1024)(self._look_up)

    def __call__(self, scope: Scope, host: bytes | None) -> None:
        """Refuse a request with a Host that is not allowed, or without a Host.

        Raises:
            HTTPException: 400.
        """
        try:
            self._check(host)
        except HTTPException:
            path: str = scope["path"]
            if not path.removeprefix(scope.get("root_path", "")).startswith(self.exempt):
                raise

    def _look_up(self, host: bytes | None) -> None:
        if not self._is_allowed(host):
            raise HTTPException(400, "This host is not allowed.")

    def _is_allowed(self, host: bytes | None) -> bool:
        if "*" in self.allowed:
            return True
        if host is None:
            return False
        name = host.decode("latin-1").lower()
        if ":" in name and not name.endswith("]"):
            name = name.rpartition(":")[0]
        name = name.removesuffix(".")
        return any(
            name == allowed or (allowed.startswith(".") and f".{name}".endswith(allowed))
            for allowed in self.allowed
        )
