"""Reading and writing in a request."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import IntegrityError, InterfaceError, OperationalError, transaction

from contract.engines import is_outcome_unknown
from contract.places import Places
from contract.problems import EmailTaken, OutcomeUnknown
from contract.settings import get_settings

UNAVAILABLE = (OperationalError, InterfaceError)

places = Places(get_settings(), UNAVAILABLE)


@contextmanager
def reading() -> Iterator[None]:
    """Read in the block, with one of the places for readers.

    Raises:
        DatabaseUnavailable: too many requests wait for the database.
    """
    with places.readers.place():
        yield


@contextmanager
def writing() -> Iterator[None]:
    """Hold the places of a writer in the block, which may take long and commits by itself.

    Raises:
        DatabaseUnavailable: too many requests wait for the database.
    """
    with places.writing():
        yield


@contextmanager
def committing() -> Iterator[None]:
    """Commit what the block has written.

    Raises:
        EmailTaken: the email violates the unique constraint.
        DatabaseUnavailable: too many requests wait for the database.
        OutcomeUnknown: the connection was lost during the commit.
    """
    written = False
    with places.committing():
        try:
            with transaction.atomic():
                yield
                written = True
        except IntegrityError as error:
            raise EmailTaken from error
        except UNAVAILABLE as error:
            if written and is_outcome_unknown(error):
                raise OutcomeUnknown from error
            raise
