"""URL converters: what a user's id looks like in a path."""

from contract.schemas import ID_PATTERN


class UserIdConverter:
    """A positive integer below 2^63 without sign or leading zeros."""

    regex = ID_PATTERN

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)
