"""Whether a client wants an error as a page."""

import re

from starlette.datastructures import Headers

LONGEST = 1000  # characters of a header that is read; browsers send some 150
REFUSED = re.compile(r"q=0(\.0*)?$")  # a weight of zero (RFC 9110, 12.4.2)


def wants_page(headers: Headers) -> bool:
    """Return whether a browser asks for a page, and not a program for data.

    Browsers name ``text/html`` when they navigate (RFC 9110, 12.5.1). Scripts of pages and programs
    do not, or they name JSON, too.
    """
    accepted = headers.get("accept", "")[:LONGEST].lower()
    ranges = [part.replace(" ", "") for part in accepted.split(",")]
    types = {part.partition(";")[0] for part in ranges if not REFUSED.search(part)}
    return "text/html" in types and not any(one.endswith("json") for one in types)
