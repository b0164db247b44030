"""URL converters: what a user's id looks like in a path."""

from werkzeug.routing import BaseConverter

from contract.schemas import ID_PATTERN


class UserIdConverter(BaseConverter):
    """A positive integer below 2^63 without sign or leading zeros."""

    regex = ID_PATTERN

    def to_python(self, value: str) -> int:
        return int(value)
