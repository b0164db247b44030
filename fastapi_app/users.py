"""The users resource."""

from collections.abc import Sequence

from fastapi import APIRouter, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.convertors import register_url_convertor

from contract.pages import next_link, split_page
from contract.problems import UserNotFound
from contract.schemas import UserInput, UserPatch, UserPublic
from contract.table import (
    UserRow,
    delete_user,
    insert_user,
    select_page,
    select_user,
    update_user,
)
from fastapi_app.bodies import JSONRoute
from fastapi_app.converters import UserIdConvertor
from fastapi_app.db import committing, reading
from fastapi_app.dependencies import PageDep, SessionDep, UserId
from fastapi_app.descriptions import LINK, LOCATION
from fastapi_app.openapi import problems

register_url_convertor("user_id", UserIdConvertor())

router = APIRouter(prefix="/users", tags=["users"], route_class=JSONRoute)


@router.get(
    "",
    response_model=list[UserPublic],
    summary="List users",
    responses={200: {"headers": {"Link": LINK}}, **problems(422)},
)
async def list_users(
    request: Request, response: Response, session: SessionDep, query: PageDep
) -> Sequence[UserRow]:
    """List users by id, a page at a time."""
    async with reading(session):
        statement = select_page(query, session.get_bind().dialect.name)
        rows = (await session.execute(statement)).all()
    page, more = split_page(rows, query)
    if more:
        path = request.url_for("list_users").path
        response.headers["Link"] = next_link(path, query, page[-1].id)
    return page


@router.post(
    "",
    response_model=UserPublic,
    status_code=201,
    summary="Create a user",
    responses={201: {"headers": {"Location": LOCATION}}, **problems(403, 409, 413, 415, 422)},
)
async def create_user(
    request: Request, response: Response, session: SessionDep, values: UserInput
) -> UserRow:
    """Create a user; the ``Location`` header has its path."""
    async with committing(session):
        user = (await session.execute(insert_user(values.model_dump()))).one()
    response.headers["Location"] = request.url_for("get_user", user_id=user.id).path
    return user


@router.get(
    "/{user_id:user_id}",
    response_model=UserPublic,
    summary="Read one user",
    responses=problems(404),
)
async def get_user(session: SessionDep, user_id: UserId) -> UserRow:
    """Return one user."""
    async with reading(session):
        user = (await session.execute(select_user(user_id))).one_or_none()
    if user is None:
        raise UserNotFound(user_id)
    return user


@router.put(
    "/{user_id:user_id}",
    response_model=UserPublic,
    summary="Replace a user",
    responses=problems(403, 404, 409, 413, 415, 422),
)
async def replace_user(session: SessionDep, user_id: UserId, values: UserInput) -> UserRow:
    """Replace both fields of a user."""
    return await change_user(session, user_id, values.model_dump())


@router.patch(
    "/{user_id:user_id}",
    response_model=UserPublic,
    summary="Change parts of a user",
    responses=problems(403, 404, 409, 413, 415, 422),
)
async def patch_user(session: SessionDep, user_id: UserId, values: UserPatch) -> UserRow:
    """Change the fields that the body contains."""
    changes = values.model_dump(exclude_unset=True)
    if not changes:
        return await get_user(session, user_id)
    return await change_user(session, user_id, changes)


@router.delete(
    "/{user_id:user_id}",
    status_code=204,
    response_class=Response,
    summary="Delete a user",
    responses=problems(403, 404),
)
async def remove_user(session: SessionDep, user_id: UserId) -> None:
    """Delete a user."""
    async with committing(session):
        deleted = (await session.execute(delete_user(user_id))).one_or_none()
    if deleted is None:
        raise UserNotFound(user_id)


async def change_user(session: AsyncSession, user_id: int, changes: dict[str, str]) -> UserRow:
    """Update a user and return it."""
    async with committing(session):
        user = (await session.execute(update_user(user_id, changes))).one_or_none()
    if user is None:
        raise UserNotFound(user_id)
    return user
