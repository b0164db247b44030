"""URL converters: what a user's id looks like in a path."""

from starlette.convertors import Convertor

from contract.schemas import ID_PATTERN


class UserIdConvertor(Convertor[int]):
    """A positive integer below 2^63 without sign or leading zeros."""

    regex = ID_PATTERN

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)
