"""The schemas of the users API, and the contract's rules for their values."""

import unicodedata
from typing import Annotated

from email_validator import EmailNotValidError, validate_email
from pydantic import (
    MISSING,
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    JsonValue,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError, PydanticKnownError

from contract.settings import get_settings

MAX_NAME = 100
MAX_PADDED_NAME = 1000  # before trimming
MAX_EMAIL = 254  # the longest path of RFC 5321, without its angle brackets
MAX_ID = 2**63 - 1
INT64: dict[str, JsonValue] = {"format": "int64"}  # OpenAPI's registry of formats
MAX_WAIT_MS = get_settings().max_wait


def decimals_up_to(limit: int) -> str:
    """Return a regular expression for the numbers from 1 to ``limit``, without leading zeros.

    The routers match ids with it. If a converter refused larger numbers after the match, Werkzeug
    would answer 405 instead of 404, and Starlette would raise an error.
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

# Trimming removes Unicode's White_Space; no name may have a character of the category Cc.
_SPACE = r"\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_CONTROL = r"\u0000-\u001f\u007f-\u009f"
_VISIBLE = f"[^{_SPACE}{_CONTROL}]"
NAME_PATTERN = f"^[{_SPACE}]*{_VISIBLE}([^{_CONTROL}]{{0,{MAX_NAME - 2}}}{_VISIBLE})?[{_SPACE}]*$"


def refuse_control_characters(value: str) -> str:
    """Refuse control characters; PostgreSQL cannot store NUL."""
    if any(unicodedata.category(character) == "Cc" for character in value):
        raise PydanticCustomError("control_character", "Control characters are not allowed")
    return value


def refuse_long_name(value: object) -> object:
    """Refuse a name that is too long even with white space around it."""
    if isinstance(value, str) and len(value) > MAX_PADDED_NAME:
        raise PydanticKnownError("string_too_long", {"max_length": MAX_NAME})
    return value


def refuse_long_email(value: str) -> None:
    """Refuse an address that is too long, before it is parsed."""
    if len(value) > MAX_EMAIL:
        raise PydanticCustomError("email", "Email addresses have at most 254 characters")


def normalise_email(value: str) -> str:
    """Return the address in lower case.

    Pydantic's EmailStr would also accept ``Alice <alice@example.com>`` and drop the name.

    Raises:
        PydanticCustomError: the value is not a valid address.
    """
    refuse_long_email(value)
    try:
        email = validate_email(value, check_deliverability=False, strict=True).normalized.lower()
    except EmailNotValidError as error:
        raise PydanticCustomError(
            "email", "Not a valid email address: {reason}", {"reason": str(error)}
        ) from error
    refuse_long_email(email)  # normalising may have made it longer
    return email


def refuse_loose_integers(value: object) -> object:
    """Refuse a string that is not plain decimal digits, such as "1_0", " 1", "٣" or "1.0"."""
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
        description="Part of the name or the email; case is ignored.",
        json_schema_extra={"pattern": f"^[^{_CONTROL}]*$"},
    ),
]
WholeNumber = BeforeValidator(refuse_loose_integers)


class UserInput(BaseModel):
    """The body of POST and PUT. Other members, such as ``id``, are ignored."""

    name: Name
    email: Email


class UserPatch(BaseModel):
    """The body of PATCH: any subset of the fields, none of them null."""

    name: Name | MISSING = MISSING
    email: Email | MISSING = MISSING


class UserPublic(BaseModel):
    """A user in a response, with its members in this order."""

    id: Annotated[int, Field(ge=1, le=MAX_ID, examples=[1], json_schema_extra=INT64)]
    name: Annotated[str, Field(examples=["Alice"])]
    email: Annotated[
        str, Field(examples=["alice@example.com"], json_schema_extra={"format": "email"})
    ]


class PageQuery(BaseModel):
    """The query parameters of the list. Other parameters are ignored."""

    limit: Annotated[int, Field(ge=1, le=100, description="Users on a page."), WholeNumber] = 100
    after: (
        Annotated[
            int,
            Field(
                ge=1,
                le=MAX_ID,
                description="Only users with a larger id (keyset paging).",
                json_schema_extra=INT64,
            ),
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
    """The response of ``/api/me``."""

    name: Annotated[str, Field(examples=["admin"])]


class Greeting(BaseModel):
    """The response of ``/api/hello``."""

    message: Annotated[str, Field(examples=["Hello, World!"])]


class Waited(BaseModel):
    """The response of ``/api/wait``."""

    waited_ms: Annotated[int, Field(examples=[50])]


class FieldError(BaseModel):
    """One invalid value in a 422."""

    pointer: Annotated[
        str,
        Field(
            description="Where it is: a JSON Pointer (RFC 6901), or / and a query parameter.",
            examples=["/email"],
        ),
    ]
    detail: Annotated[str, Field(examples=["Field required"])]


class ProblemDocument(BaseModel):
    """A problem document (RFC 9457), for the OpenAPI document."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldError] = Field(default_factory=list)
    request_id: str | None = Field(
        None, description="The id of the request, behind a gateway that assigns ids."
    )
