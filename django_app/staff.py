"""Whether an account may use the gateway's pages for staff."""

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.db import close_old_connections


@sync_to_async
def is_staff(name: str) -> bool:
    """Return whether the account is active and staff."""
    # Django replaces lost connections only when one of its own requests starts.
    close_old_connections()
    accounts = get_user_model().objects
    return accounts.filter(username=name, is_active=True, is_staff=True).exists()
