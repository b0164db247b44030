"""Who may use the gateway's pages that send requests, where they are for staff."""

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.db import close_old_connections


@sync_to_async
def is_staff(name: str) -> bool:
    """Tell whether an active account is staff's."""
    # A restart of the server cuts connections; Django looks only when its own requests begin.
    close_old_connections()
    accounts = get_user_model().objects
    return accounts.filter(username=name, is_active=True, is_staff=True).exists()
