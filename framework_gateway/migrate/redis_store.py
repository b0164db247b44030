"""A store in Redis."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import redis

from framework_gateway.migrate.stores import TIMEOUT, StoreError, Versioned

VERSIONS = "framework-gateway:moves:versions"
TEXTS = "framework-gateway:moves:texts"
# Redis runs a script as one step.
WRITE = """
local version = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0')
if version ~= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], version + 1)
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
return 1
"""


class RedisStore:
    """A store in Redis.

    Args:
        address: such as ``redis://localhost:6379/0``.
    """

    def __init__(self, address: str) -> None:
        self._redis = redis.Redis.from_url(
            address,
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            decode_responses=True,
        )
        self._write = self._redis.register_script(WRITE)

    def read(self, name: str) -> Versioned | None:
        """Return a text; None if there is none."""
        with reported(), self._redis.pipeline(transaction=True) as pipeline:
            pipeline.hget(VERSIONS, name)
            pipeline.hget(TEXTS, name)
            version, text = pipeline.execute()
        return None if version is None else Versioned(int(version), text)

    def write(self, name: str, text: str, expected: int) -> bool:
        """Write a text; return false if its version is not ``expected``, 0 for none."""
        with reported():
            return bool(self._write(keys=[VERSIONS, TEXTS], args=[name, expected, text]))

    def versions(self, prefix: str) -> Mapping[str, int]:
        """Return the versions of all texts whose name begins with a prefix."""
        with reported():
            found = self._redis.hgetall(VERSIONS)
        return {
            str(name): int(version)
            for name, version in found.items()
            if str(name).startswith(prefix)
        }

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()


@contextmanager
def reported() -> Iterator[None]:
    """Raise Redis's errors as StoreError; they name no password."""
    try:
        yield
    except redis.RedisError as error:
        raise StoreError(f"Redis: {error}") from error
