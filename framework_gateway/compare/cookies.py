"""Compare Set-Cookie: the name of a cookie, whether it has a value, and its attributes."""

from collections.abc import Sequence
from email.utils import parsedate_to_datetime

SAME_MOMENT = 60.0  # seconds between two equal Expires: targets are not asked in the same second


def read_cookies(values: Sequence[str]) -> dict[str, str]:
    """Return the Set-Cookie line of each cookie, by its name.

    A name that is set again, as for another path, gets the number of the line: ``sid (2)``.
    """
    cookies: dict[str, str] = {}
    for value in values:
        name = shown = value.partition(";")[0].partition("=")[0].strip()
        number = 1
        while shown in cookies:
            number += 1
            shown = f"{name} ({number})"
        cookies[shown] = value
    return cookies


def normalise_cookie(line: str) -> str:
    """Return a Set-Cookie line without the cookie's value and Expires, and with sorted attributes.

    The names of attributes, and the values of all but Path, have no case (RFC 6265, 5.2).
    """
    pair, *others = line.split(";")
    attributes = filter(str.strip, others)
    name, _, value = pair.partition("=")
    shown = "value" if value.strip().strip('"') else ""
    return "; ".join([f"{name.strip()}={shown}", *sorted(map(normalise_attribute, attributes))])


def normalise_attribute(attribute: str) -> str:
    """Return an attribute of a cookie in one spelling."""
    name, equals, value = (part.strip() for part in attribute.partition("="))
    name = name.lower()
    if name == "expires":
        return name
    shown = value if name == "path" else value.lower().removeprefix("." if name == "domain" else "")
    return f"{name}={shown}" if equals else name


def have_equal_expiry(lines: Sequence[str]) -> bool:
    """Return whether the lines' Expires are the same moment, give or take SAME_MOMENT."""
    moments = [expiry_of(line) for line in lines]
    known = [moment for moment in moments if isinstance(moment, float)]
    if len(known) < len(moments):
        return len({*map(str, moments)}) == 1
    return not known or max(known) - min(known) <= SAME_MOMENT


def expiry_of(line: str) -> float | str:
    """Return a cookie's Expires in seconds since 1970; as text if it is no date."""
    for attribute in line.split(";")[1:]:
        name, _, value = attribute.partition("=")
        if name.strip().lower() == "expires":
            try:
                return parsedate_to_datetime(value.strip()).timestamp()
            except (ValueError, OverflowError):
                return value.strip()
    return "none"
