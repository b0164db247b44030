"""How ids stand in URLs."""

from werkzeug.routing import BaseConverter

from contract.schemas import ID_PATTERN


class UserIdConverter(BaseConverter):
    """A positive integer below 2^63, in its one spelling."""

    regex = ID_PATTERN

    def to_python(self, value: str) -> int:
        return int(value)
