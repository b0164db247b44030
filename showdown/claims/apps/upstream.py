"""Where the slow service is, for the applications that call it."""

import os

VARIABLE = "SLOW_SERVICE_URL"


def service_url() -> str:
    """Return the URL that the experiment has set."""
    return os.environ[VARIABLE]
