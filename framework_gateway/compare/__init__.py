"""One request, several targets, and where their answers differ."""

TIMEOUT = 15.0  # seconds for an answer
MAX_SIZE = 1024 * 1024  # bytes of an answer's body
