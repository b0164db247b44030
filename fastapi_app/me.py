"""The authenticated account."""

from fastapi import APIRouter, Request, Response

from contract.access import PRIVATE
from contract.problems import NotAuthenticated
from contract.schemas import Me
from fastapi_app.descriptions import LOGIN
from fastapi_app.openapi import problems

router = APIRouter(tags=["me"])


@router.get("/me", summary="Who am I?", responses=problems(), openapi_extra=LOGIN)
async def me(request: Request, response: Response) -> Me:
    """Return the name of the account that the gateway authenticated, by session or token."""
    user = request.scope.get("user")
    if user is None:
        raise NotAuthenticated
    response.headers.update(PRIVATE)
    return Me(name=user.display_name)
