"""The database session of a request."""

import weakref

from flask import Flask, current_app, g
from sqlalchemy.orm import Session, sessionmaker

from contract.engines import UNAVAILABLE, create_sync_engine
from contract.settings import Settings


def init_app(app: Flask, settings: Settings) -> None:
    """Give the application an engine and close each request's session at its end."""
    engine = create_sync_engine(settings, "flask")
    app.extensions["sessionmaker"] = sessionmaker(engine)
    # WSGI knows no shutdown: the connections go with the application.
    weakref.finalize(app, engine.dispose)
    app.teardown_appcontext(close_session)


def get_session() -> Session:
    """Return the session of the current request; it connects when first used."""
    if "session" not in g:
        g.session = current_app.extensions["sessionmaker"]()
    session: Session = g.session
    return session


def close_session(_error: BaseException | None) -> None:
    """Give the connection back, on success and on failure alike."""
    session: Session | None = g.pop("session", None)
    if session is None:
        return
    try:
        session.close()
    except UNAVAILABLE as lost:
        # The answer stands. Raised on, this would be a 500 that no handler sees.
        current_app.logger.error("The database cannot be used: %s", lost)
