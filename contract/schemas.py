"""The schemas of the users API, and the rules that the contract sets for its values."""

import unicodedata
from typing import Annotated

from email_validator import EmailNotValidError, validate_email
from pydantic import (
    MISSING,
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError, PydanticKnownError

from contract.settings import get_settings

MAX_NAME = 100
MAX_PADDED_NAME = 1000  # before trimming
MAX_EMAIL = 254  # RFC 5321's longest path, less its angle brackets
MAX_ID = 2**63 - 1
MAX_WAIT_MS = get_settings().max_wait


def decimals_up_to(limit: int) -> str:
    """Return the regular expression of the numbers from 1 to ``limit``, in their one spelling.

    The routers know an id by it. A converter that refused larger numbers later would come too
    late for Werkzeug, which by then answers 405, and for Starlette, where it is an error.
    """
    digits = str(limit)
    patterns = [f"[1-9][0-9]{{0,{len(digits) - 2}}}", digits]
    for place, digit in enumerate(digits):
        lowest = 1 if place == 0 else 0
        if int(digit) > lowest:
            rest = len(digits) - place - 1
            patterns.append(f"{digits[:place]}[{lowest}-{int(digit) - 1}][0-9]{{{rest}}}")
    return f"(?:{'|'.join(patterns)})"


ID_PATTERN = decimals_up_to(MAX_ID)

# What trimming takes away, and what no name may hold: Unicode's White_Space and category Cc.
_SPACE = r"\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_CONTROL = r"\u0000-\u001f\u007f-\u009f"
_VISIBLE = f"[^{_SPACE}{_CONTROL}]"
NAME_PATTERN = f"^[{_SPACE}]*{_VISIBLE}([^{_CONTROL}]{{0,{MAX_NAME - 2}}}{_VISIBLE})?[{_SPACE}]*$"


def refuse_control_characters(value: str) -> str:
    """Refuse what no name holds; PostgreSQL could not even store NUL."""
    if any(unicodedata.category(character) == "Cc" for character in value):
        raise PydanticCustomError("control_character", "Control characters are not allowed")
    return value


def refuse_long_name(value: object) -> object:
    """Refuse what is too long for a name and the white space around it."""
    if isinstance(value, str) and len(value) > MAX_PADDED_NAME:
        raise PydanticKnownError("string_too_long", {"max_length": MAX_NAME})
    return value


def refuse_long_email(value: str) -> None:
    """Refuse an address that is too long, before anything is made of it."""
    if len(value) > MAX_EMAIL:
        raise PydanticCustomError("email", "Email addresses have at most 254 characters")


def normalise_email(value: str) -> str:
    """Return the address in lower case; raise when it is none.

    Pydantic's EmailStr would also take ``Alice <alice@example.com>`` and drop the name.
    """
    refuse_long_email(value)
    try:
        email = validate_email(value, check_deliverability=False, strict=True).normalized.lower()
    except EmailNotValidError as error:
        raise PydanticCustomError(
            "email", "Not a valid email address: {reason}", {"reason": str(error)}
        ) from error
    refuse_long_email(email)  # normalised, it may have become longer
    return email


def refuse_loose_integers(value: object) -> object:
    """Refuse strings that int() would take and nobody means: "1_0", " 1", "٣", "1.0"."""
    if isinstance(value, str) and not (value.isascii() and value.removeprefix("-").isdigit()):
        raise PydanticCustomError("int_parsing", "Input should be a whole number")
    return value


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_NAME),
    BeforeValidator(refuse_long_name),
    AfterValidator(refuse_control_characters),
    WithJsonSchema(
        {
            "type": "string",
            "maxLength": MAX_PADDED_NAME,
            "pattern": NAME_PATTERN,
            "description": "1-100 characters after trimming, no control characters.",
            "examples": ["Carol"],
        },
        mode="validation",
    ),
]
Email = Annotated[
    str,
    AfterValidator(normalise_email),
    WithJsonSchema(
        {
            "type": "string",
            "format": "email",
            "maxLength": MAX_EMAIL,
            "description": "Unique; stored in lower case.",
            "examples": ["carol@example.com"],
        },
        mode="validation",
    ),
]
Search = Annotated[
    str,
    StringConstraints(max_length=MAX_EMAIL),
    AfterValidator(refuse_control_characters),
    Field(
        description="Part of the name or the email, in any case.",
        json_schema_extra={"pattern": f"^[^{_CONTROL}]*$"},
    ),
]
WholeNumber = BeforeValidator(refuse_loose_integers)


class UserInput(BaseModel):
    """What POST and PUT take. Other members, an ``id`` among them, are ignored."""

    name: Name
    email: Email


class UserPatch(BaseModel):
    """What PATCH takes: any subset of the fields, none of them null."""

    name: Name | MISSING = MISSING
    email: Email | MISSING = MISSING


class UserPublic(BaseModel):
    """A user as every answer shows it, members in this order."""

    id: Annotated[int, Field(ge=1, le=MAX_ID, examples=[1])]
    name: Annotated[str, Field(examples=["Alice"])]
    email: Annotated[str, Field(examples=["alice@example.com"])]


class PageQuery(BaseModel):
    """The query parameters of the list; unknown ones are ignored."""

    limit: Annotated[int, Field(ge=1, le=100, description="Users a page."), WholeNumber] = 100
    after: (
        Annotated[
            int,
            Field(ge=1, le=MAX_ID, description="Only users with a larger id (keyset paging)."),
            WholeNumber,
        ]
        | MISSING
    ) = MISSING
    search: Search | MISSING = MISSING


class WaitQuery(BaseModel):
    """The query parameter of ``/api/wait``."""

    ms: Annotated[
        int, Field(ge=0, le=MAX_WAIT_MS, description="Milliseconds to wait."), WholeNumber
    ] = 50


class Me(BaseModel):
    """The answer of ``/api/me``."""

    name: Annotated[str, Field(examples=["admin"])]


class Greeting(BaseModel):
    """The answer of ``/api/hello``."""

    message: str


class Waited(BaseModel):
    """The answer of ``/api/wait``."""

    waited_ms: int


class FieldError(BaseModel):
    """One refused value of a 422."""

    pointer: str
    detail: str


class ProblemDocument(BaseModel):
    """The shape of every error (RFC 9457), for the OpenAPI document."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldError] = Field(default_factory=list)
    request_id: str | None = Field(None, description="The request's, where a gateway gives ids.")
