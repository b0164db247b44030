"""The users resource."""

from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy import Executable, Row
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from contract.pages import next_link, split_page
from contract.problems import EmailTaken, UserNotFound
from contract.schemas import UserInput, UserPatch, UserPublic
from contract.table import delete_user, insert_user, select_page, select_user, update_user
from fastapi_app.dependencies import PageDep, SessionDep, UserId
from fastapi_app.openapi import problems
from fastapi_app.routing import JSONRoute

router = APIRouter(prefix="/users", tags=["users"], route_class=JSONRoute)


@router.get("", response_model=list[UserPublic], responses=problems(422))
async def list_users(
    request: Request, response: Response, session: SessionDep, query: PageDep
) -> Any:
    """List users by id, a page at a time."""
    rows = (await session.execute(select_page(query))).all()
    page, more = split_page(rows, query)
    if more:
        path = request.url_for("list_users").path
        response.headers["Link"] = next_link(path, query, page[-1].id)
    return page


@router.post(
    "", response_model=UserPublic, status_code=201, responses=problems(403, 409, 413, 415, 422)
)
async def create_user(
    request: Request, response: Response, session: SessionDep, values: UserInput
) -> Any:
    """Create a user."""
    user = await write(session, insert_user(values.model_dump()))
    assert user is not None
    response.headers["Location"] = request.url_for("get_user", user_id=user.id).path
    return user


@router.get("/{user_id:user_id}", response_model=UserPublic, responses=problems(404))
async def get_user(session: SessionDep, user_id: UserId) -> Any:
    """Return one user."""
    user = (await session.execute(select_user(user_id))).one_or_none()
    if user is None:
        raise UserNotFound(user_id)
    return user


@router.put(
    "/{user_id:user_id}",
    response_model=UserPublic,
    responses=problems(403, 404, 409, 413, 415, 422),
)
async def replace_user(session: SessionDep, user_id: UserId, values: UserInput) -> Any:
    """Replace both fields of a user."""
    return await change_user(session, user_id, values.model_dump())


@router.patch(
    "/{user_id:user_id}",
    response_model=UserPublic,
    responses=problems(403, 404, 409, 413, 415, 422),
)
async def patch_user(session: SessionDep, user_id: UserId, values: UserPatch) -> Any:
    """Change the fields that the body names."""
    changes = values.model_dump(exclude_unset=True)
    if not changes:
        return await get_user(session, user_id)
    return await change_user(session, user_id, changes)


@router.delete(
    "/{user_id:user_id}", status_code=204, response_class=Response, responses=problems(403, 404)
)
async def remove_user(session: SessionDep, user_id: UserId) -> None:
    """Delete a user."""
    if await write(session, delete_user(user_id)) is None:
        raise UserNotFound(user_id)


async def change_user(session: AsyncSession, user_id: int, changes: dict[str, str]) -> Row[Any]:
    user = await write(session, update_user(user_id, changes))
    if user is None:
        raise UserNotFound(user_id)
    return user


async def write(session: AsyncSession, statement: Executable) -> Row[Any] | None:
    """Run one writing statement and commit it; return the row that it gives back, if any."""
    try:
        row = (await session.execute(statement)).one_or_none()
        await session.commit()
    except IntegrityError as error:
        raise EmailTaken from error
    return row
