"""Who is asking."""

from fastapi import APIRouter, Request

from fastapi_app.openapi import problems
from users.problems import NotAuthenticated
from users.schemas import Me

router = APIRouter(tags=["me"])


@router.get("/me", responses=problems(401))
async def me(request: Request) -> Me:
    """Say who you are: the gateway knows it by a session or a token."""
    user = request.scope.get("user")
    if user is None:
        raise NotAuthenticated
    return Me(name=user.display_name)
