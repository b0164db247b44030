"""The database session of a request."""

import weakref
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask, current_app, g
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from contract.engines import UNAVAILABLE, create_sync_engine
from contract.problems import EmailTaken
from contract.settings import Settings


def init_app(app: Flask, settings: Settings) -> None:
    """Create the engine, and close the session of each request when the request ends."""
    engine = create_sync_engine(settings, "flask")
    app.extensions["sessionmaker"] = sessionmaker(engine)
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
def committing() -> Iterator[Session]:
    """Commit what the block has written.

    Raises:
        EmailTaken: the email violates the unique constraint.
    """
    session = get_session()
    try:
        yield session
        session.commit()
    except IntegrityError as error:
        raise EmailTaken from error


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
