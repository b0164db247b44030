"""The hosts that a process answers to."""

from collections.abc import Sequence
from functools import lru_cache

from starlette.exceptions import HTTPException
from starlette.types import Scope


class Hosts:
    """Knows the hosts that are answered to.

    Whatever builds redirects and absolute URLs of the Host header would else do so for anybody's.

    Args:
        allowed: names as Django's ALLOWED_HOSTS takes them: ``shop.example``, ``.shop.example``
            for it and all below it, ``*`` for any; without ports.
        exempt: beginnings of paths, below the root path, that are asked for by address, as probes
            do.
    """

    def __init__(self, allowed: Sequence[str], exempt: Sequence[str] = ()) -> None:
        self.allowed = [name.lower() for name in allowed]
        self.exempt = tuple(exempt)
        # A host that is refused raises, and so leaves nothing in the cache.
        self._check = lru_cache(maxsize=1024)(self._look_up)

    def __call__(self, scope: Scope, host: bytes | None) -> None:
        """Refuse a request to another host, or to none.

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
            raise HTTPException(400, "This host is not served here.")

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
