"""The numbers of events on PostgreSQL, which workers give for gateways without listeners."""

from django.db import connection

from contract.events import NUMBER_EVENTS


def number_events(*, everywhere: bool = False) -> None:
    """Number the events that are committed, in transactions of their own.

    Args:
        everywhere: see ``contract.events.NUMBER_EVENTS``.
    """
    more = connection.vendor == "postgresql"
    while more:
        with connection.cursor() as cursor:
            cursor.execute(NUMBER_EVENTS, [everywhere])
            _, more = cursor.fetchone()


def number_hidden_events() -> None:
    """Number the events that a look for new ones does not find."""
    number_events(everywhere=True)
