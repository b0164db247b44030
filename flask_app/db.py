"""The database session of a request."""

import weakref
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask, current_app, g
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from contract.engines import UNAVAILABLE, create_sync_engine, is_outcome_unknown
from contract.places import Places
from contract.problems import EmailTaken, OutcomeUnknown
from contract.settings import Settings


def init_app(app: Flask, settings: Settings) -> None:
    """Create the engine, and close the session of each request when the request ends."""
    engine = create_sync_engine(settings, "flask")
    app.extensions["sessionmaker"] = sessionmaker(engine)
    app.extensions["places"] = Places(settings, UNAVAILABLE)
    # WSGI has no shutdown event, so the connections close when the application is collected.
    weakref.finalize(app, engine.dispose)
    app.teardown_appcontext(close_session)


def get_session() -> Session:
    """Return the session of the current request; it connects when first used."""
    if "session" not in g:
        g.session = current_app.extensions["sessionmaker"]()
    session: Session = g.session
    return session


@contextmanager
def reading() -> Iterator[Session]:
    """Read in the block, with one of the places for readers.

    Raises:
        DatabaseUnavailable: too many requests wait for the database.
    """
    with current_app.extensions["places"].readers.place():
        yield get_session()


@contextmanager
def writing() -> Iterator[None]:
    """Hold the places of a writer and its turn.

    Raises:
        DatabaseUnavailable: too many requests wait for the database.
    """
    with current_app.extensions["places"].committing():
        yield


@contextmanager
def committing() -> Iterator[Session]:
    """Commit what the block has written.

    Raises:
        EmailTaken: the email violates the unique constraint.
        DatabaseUnavailable: too many requests wait for the database.
        OutcomeUnknown: the connection was lost during the commit.
    """
    with writing():
        session = get_session()
        try:
            yield session
            commit(session)
        except IntegrityError as error:
            # Before the turn ends, which is that of the next writer on SQLite.
            session.rollback()
            raise EmailTaken from error


def commit(session: Session) -> None:
    """Commit.

    Raises:
        OutcomeUnknown: the connection was lost during the commit.
    """
    try:
        session.commit()
    except UNAVAILABLE as error:
        if is_outcome_unknown(error):
            raise OutcomeUnknown from error
        raise


def close_session(_error: BaseException | None) -> None:
    """Return the connection to the pool, whether or not the request succeeded."""
    session: Session | None = g.pop("session", None)
    if session is None:
        return
    try:
        session.close()
    except UNAVAILABLE as error:
        # The response is complete. Raised again, the error would become a 500 that no error
        # handler sees.
        current_app.logger.error("The database cannot be used: %s", error)
