"""Pairs of small applications: most differ in one thing, some in nothing that matters."""

from tests.compare.pairs.bodies import BODIES
from tests.compare.pairs.documents import DOCUMENTS
from tests.compare.pairs.equal import EQUAL
from tests.compare.pairs.headers import COOKIES, HEADERS
from tests.compare.pairs.model import JSON, LINES, OK, TEXT, Pair, answers, wsgi
from tests.compare.pairs.statuses import STATUSES

DIFFERENT = [*STATUSES, *HEADERS, *COOKIES, *DOCUMENTS, *BODIES]

__all__ = ["DIFFERENT", "EQUAL", "JSON", "LINES", "OK", "TEXT", "Pair", "answers", "wsgi"]
