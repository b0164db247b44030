"""How often somebody may ask the admin, and try to log in to it."""

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
PATIENCE = 1.0  # seconds to wait for Redis


def limiter(storage: str) -> MovingWindowRateLimiter:
    """Count at a storage's address; what is refused does not count."""
    timeouts = {"socket_connect_timeout": PATIENCE, "socket_timeout": PATIENCE}
    return MovingWindowRateLimiter(storage_from_string(storage, wrap_exceptions=True, **timeouts))


shared = limiter(settings.THROTTLE_STORAGE)
own = limiter("memory://")


class ThrottleMiddleware:
    """Answer 429 to whoever asks too often, before a password is looked at.

    Attempts are counted by the client's address and by the name of the account, so that neither
    one guesser with many names nor many guessers of one name get far.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: Any) -> HttpResponse | None:
        """Count requests to the admin; others pass at once."""
        match = request.resolver_match
        if match is None or match.namespace != "admin":
            return None
        for limit, kind, key in limits_of(request, match.view_name):
            if wait := count(limit, kind, key):
                detail = f"Too many requests of this {kind}; try again in {wait} seconds."
                return problem_response(Problem(429, detail, headers={"Retry-After": str(wait)}))
        return None


def count(limit: RateLimitItem, *key: str) -> int:
    """Count one; return the seconds until there is room for it, 0 when there is.

    While Redis is away each process counts for itself: nobody is kept out, and nobody is let
    guess without limit.
    """
    try:
        return count_at(shared, limit, *key)
    except StorageError as error:
        logger.warning("Redis cannot count requests: %s", error.storage_error)
        return count_at(own, limit, *key)


def count_at(limiter: MovingWindowRateLimiter, limit: RateLimitItem, *key: str) -> int:
    """Do so at one place."""
    if limiter.hit(limit, *key):
        return 0
    return max(1, ceil(limiter.get_window_stats(limit, *key).reset_time - time.time()))


def limits_of(request: HttpRequest, view: str) -> Iterator[tuple[RateLimitItem, str, str]]:
    """Yield each limit of a request, with what is counted and for whom."""
    address = network_of(request.META.get("REMOTE_ADDR", ""))
    yield VISITS, "client", address
    if view in PASSWORD_VIEWS and request.method == "POST":
        yield ATTEMPTS, "address", address
        if name := account_of(request.POST.get("username", "")):
            yield ATTEMPTS, "account", name


def network_of(address: str) -> str:
    """Return what one client has: an IPv4 address, or a whole /64 of IPv6 (RFC 6177)."""
    try:
        found = ip_address(address)
    except ValueError:  # a Unix socket has none
        return address
    if isinstance(found, IPv4Address) or found.ipv4_mapped:
        return address
    return str(ip_network((found.packed[:8] + bytes(8), 64)))


def account_of(username: str) -> str:
    """Return a key for all spellings that the login form takes for one account."""
    # Longer, it is nobody's, and would take seconds to normalise.
    name: str = UsernameField(max_length=MAX_USERNAME).to_python(username) or ""
    return sha256(name.casefold().encode(errors="replace")).hexdigest() if name else ""
