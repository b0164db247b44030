"""A writer's transaction has ended when its turn ends, also after a duplicate email address."""

import pytest
from sqlalchemy.ext.asyncio import async_sessionmaker

from contract.engines import UNAVAILABLE, create_asyncio_engine
from contract.places import Places
from contract.problems import EmailTaken
from contract.settings import get_settings
from contract.table import insert_user
from fastapi_app.db import committing as committing_in_fastapi
from flask_app import create_app
from flask_app.db import committing as committing_in_flask
from flask_app.db import get_session

ALICE = {"name": "Another", "email": "alice@example.com"}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.usefixtures("database")
def test_flask_has_rolled_back() -> None:
    with create_app().app_context():
        with pytest.raises(EmailTaken), committing_in_flask() as session:
            session.execute(insert_user(ALICE))
        assert not get_session().in_transaction()


@pytest.mark.anyio
@pytest.mark.usefixtures("database")
async def test_fastapi_has_rolled_back() -> None:
    settings = get_settings()
    engine = create_asyncio_engine(settings, "fastapi")
    places = Places(settings, UNAVAILABLE)
    async with async_sessionmaker(engine, info={"places": places})() as session:
        with pytest.raises(EmailTaken):
            async with committing_in_fastapi(session):
                await session.execute(insert_user(ALICE))
        assert not session.in_transaction()
    await engine.dispose()
