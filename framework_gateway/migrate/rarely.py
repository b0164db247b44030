"""Log what could happen to every request, without a line for every request."""

import logging
import time

logger = logging.getLogger("framework_gateway")

INTERVAL = 10.0  # seconds between two lines about the same thing
MAX_SUBJECTS = 500  # things that are told apart


class RareLog:
    """Logs a warning about a subject at most every ten seconds, and how many were left out."""

    def __init__(self) -> None:
        self._logged: dict[str, float] = {}
        self._left_out: dict[str, int] = {}

    def warn(self, subject: str, text: str, error: BaseException | None = None) -> None:
        """Log a warning.

        Args:
            subject: what the warning is about, such as a route.
            text: the warning.
            error: logged with its traceback.
        """
        if subject not in self._logged and len(self._logged) >= MAX_SUBJECTS:
            subject = ""
        now = time.monotonic()
        if now - self._logged.get(subject, -INTERVAL) < INTERVAL:
            self._left_out[subject] = self._left_out.get(subject, 0) + 1
            return
        self._logged[subject] = now
        more = self._left_out.pop(subject, 0)
        suffix = f" (and {more} more like this)" if more else ""
        logger.warning("%s%s", text, suffix, exc_info=error)
