"""Send one request to several targets, and find where their answers differ."""

TIMEOUT = 15.0  # seconds until a target counts as not answering
MAX_SIZE = 1024 * 1024  # bytes; a longer body counts as no answer
