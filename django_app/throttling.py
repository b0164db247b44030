"""Rate limits for requests to the admin and for login attempts."""

import logging
import time
from collections.abc import Iterator
from hashlib import sha256
from ipaddress import IPv4Address, ip_address, ip_network
from math import ceil
from typing import Any

from django.conf import settings
from django.contrib.auth.forms import UsernameField
from django.http import HttpRequest, HttpResponse
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter

from contract.problems import Problem
from django_app.errors import problem_response
from django_app.middleware import GetResponse

logger = logging.getLogger("django_app")

VISITS = RateLimitItemPerMinute(300)
ATTEMPTS = RateLimitItemPerMinute(10)
PASSWORD_VIEWS = {"admin:login", "admin:password_change"}
MAX_USERNAME = 150  # characters; of the login form
REDIS_TIMEOUT = 1.0  # seconds


def limiter(storage: str) -> MovingWindowRateLimiter:
    """Return a rate limiter with the storage at an address; refused requests do not count."""
    timeouts = {"socket_connect_timeout": REDIS_TIMEOUT, "socket_timeout": REDIS_TIMEOUT}
    return MovingWindowRateLimiter(storage_from_string(storage, wrap_exceptions=True, **timeouts))


shared = limiter(settings.THROTTLE_STORAGE)
own = limiter("memory://")


class ThrottleMiddleware:
    """Answer 429 to a client that sends too many requests, before a password is checked.

    Login attempts are counted by the client's address and by the account's name. This limits one
    client that tries many names, and many clients that try one name.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: Any) -> HttpResponse | None:
        """Count requests to the admin; all other requests pass."""
        match = request.resolver_match
        if match is None or match.namespace != "admin":
            return None
        for limit, kind, key in limits_of(request, match.view_name):
            if wait := count(limit, kind, key):
                detail = f"Too many requests of this {kind}; try again in {wait} seconds."
                return problem_response(Problem(429, detail, headers={"Retry-After": str(wait)}))
        return None


def count(limit: RateLimitItem, *key: str) -> int:
    """Count one request; return 0 when it is allowed, or the seconds until it would be.

    While Redis is down each process counts for itself: users can still log in, and attempts stay
    limited.
    """
    try:
        return count_at(shared, limit, *key)
    except StorageError as error:
        logger.warning("Redis cannot count requests: %s", error.storage_error)
        return count_at(own, limit, *key)


def count_at(limiter: MovingWindowRateLimiter, limit: RateLimitItem, *key: str) -> int:
    """Count one request in one limiter."""
    if limiter.hit(limit, *key):
        return 0
    return max(1, ceil(limiter.get_window_stats(limit, *key).reset_time - time.time()))


def limits_of(request: HttpRequest, view: str) -> Iterator[tuple[RateLimitItem, str, str]]:
    """Yield each limit for a request, with the kind and the key to count by."""
    address = network_of(request.META.get("REMOTE_ADDR", ""))
    yield VISITS, "client", address
    if view in PASSWORD_VIEWS and request.method == "POST":
        yield ATTEMPTS, "address", address
        if name := account_of(request.POST.get("username", "")):
            yield ATTEMPTS, "account", name


def network_of(address: str) -> str:
    """Return the addresses of one client: an IPv4 address, or a /64 of IPv6 (RFC 6177)."""
    try:
        found = ip_address(address)
    except ValueError:  # a client on a Unix socket has no address
        return address
    if isinstance(found, IPv4Address) or found.ipv4_mapped:
        return address
    return str(ip_network((found.packed[:8] + bytes(8), 64)))


def account_of(username: str) -> str:
    """Return one key for all spellings that the login form accepts for an account."""
    # No account has a longer name, and normalising one could take seconds.
    name: str = UsernameField(max_length=MAX_USERNAME).to_python(username) or ""
    return sha256(name.casefold().encode(errors="replace")).hexdigest() if name else ""
