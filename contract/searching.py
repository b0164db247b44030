"""Searches by the database's index of trigrams, in one statement for all three applications.

``users.folded`` decides whether a user matches; the index only leaves out users that cannot. It has
each three consecutive letters of ``folded``. One or two letters are the beginning of trigrams.
Migrations and triggers keep the index.

A search reads the next ``NEAR`` users first. If they do not fill the page, and users follow, the
needle is rare, and the index has the other matches. So the cost grows with the number of matches,
not with that of users.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from contract.folding import fold

NEAR = 5000  # users that are read before the index, for a page of 100
GRAM = 3  # letters of a trigram
RAREST = 6  # trigrams that PostgreSQL looks for; more of them take longer than they save
LAST = GRAM * chr(0x10FFFF)  # nothing that follows the beginning of a trigram is later
# The index has the replacement character for these two, as it has for bytes that are not UTF-8.
REPLACED = dict.fromkeys([0xFFFE, 0xFFFF], 0xFFFD)

# "+ 0" hides the condition from the index of the ids, which PostgreSQL would read to its end.
STATEMENT = """
WITH reach AS MATERIALIZED (
    SELECT coalesce(max(id), {after}) AS id
    FROM (SELECT id FROM users WHERE id > {after} ORDER BY id LIMIT {near}) AS n
),
near AS MATERIALIZED (
    SELECT id, name, email FROM users
    WHERE id > {after} AND {contains} AND id <= (SELECT id FROM reach)
    ORDER BY id LIMIT {limit}
),
far AS MATERIALIZED (
    SELECT users.id, users.name, users.email FROM {index}
    WHERE {is_short} AND (SELECT id FROM reach) < (SELECT max(id) FROM users)
    AND users.id + 0 > (SELECT id FROM reach) AND {contains} AND {indexed}
)
SELECT id, name, email FROM near
UNION ALL
SELECT id, name, email FROM far
ORDER BY id LIMIT {limit}
"""

# CROSS JOIN keeps its order: SQLite opens the index only if the page is not full, and reads it by
# id until the page is.
SQLITE = {
    "index": "(SELECT count(*) AS found FROM near)"
    " CROSS JOIN user_search CROSS JOIN users ON users.id = user_search.rowid",
    "is_short": "found < {limit}",
    "indexed": "user_search.rowid > (SELECT id FROM reach) AND user_search MATCH {terms}"
    " ORDER BY user_search.rowid LIMIT {limit}",
    "contains": "instr(users.folded, {needle}) > 0",
}
POSTGRESQL = {
    "index": "users",
    "is_short": "(SELECT count(*) FROM near) < {limit}",
    "indexed": "user_trigrams(folded) @@ CAST({terms} AS tsquery)",
    "contains": "strpos(users.folded, {needle}) > 0",
}
# GIN visits an entry of each trigram for each user with the rarest one. PostgreSQL's own statistics
# tell which are rare: those that they do not have. Without statistics, all trigrams are used.
POSTGRESQL_RAREST = """(
    WITH known AS MATERIALIZED (
        SELECT CAST(CAST(most_common_elems AS text) AS text[]) AS terms,
            most_common_elem_freqs AS shares
        FROM pg_stats
        WHERE tablename = 'users_search' AND schemaname = ANY (current_schemas(false)) LIMIT 1
    )
    SELECT string_agg(quoted, ' & ') FROM (
        SELECT wanted.quoted
        FROM unnest(CAST({terms} AS text[]), CAST({quoted} AS text[])) AS wanted (term, quoted)
        LEFT JOIN (SELECT unnest(terms), unnest(shares) FROM known) AS common (term, share)
            ON common.term = wanted.term
        ORDER BY coalesce(common.share, 0)
        LIMIT CASE WHEN EXISTS (SELECT FROM known) THEN {rarest} END
    ) AS rarest
)"""
# FTS5 has no search by the beginning of a trigram. This reads the first entry of each trigram.
SQLITE_BEGINNING = """(
    WITH RECURSIVE found (term) AS (
        SELECT (SELECT term FROM user_search_trigrams
                WHERE term >= {terms} AND term < {last} ORDER BY term LIMIT 1)
        UNION ALL
        SELECT (SELECT term FROM user_search_trigrams
                WHERE term >= found.term || char(1) AND term < {last} ORDER BY term LIMIT 1)
        FROM found WHERE term IS NOT NULL
    )
    SELECT ifnull(group_concat('"' || replace(term, '"', '""') || '"', ' OR '), '""') FROM found
)"""


@dataclass(frozen=True)
class Search:
    """A search for the users that have all needles, by id.

    Attributes:
        dialect: "sqlite" or "postgresql".
        needles: at least one, not empty, folded.
        after: only users with a larger id.
        limit: number of users.
    """

    dialect: str
    needles: Sequence[str]
    after: int
    limit: int

    @classmethod
    def of(cls, dialect: str, texts: Sequence[str], after: int, limit: int) -> "Search":
        """Return the search for what users write."""
        return cls(dialect, [fold(text) for text in texts], after, limit)

    def statement(self, mark: Callable[[str], str]) -> str:
        """Return the statement.

        Args:
            mark: returns the driver's mark of a parameter, such as ``:after`` for ``after``.
        """
        parts = SQLITE if self.dialect == "sqlite" else POSTGRESQL
        marks = {name: mark(name) for name in self.parameters()}
        if self.dialect == "sqlite" and not self.trigrams:
            marks["terms"] = SQLITE_BEGINNING.format(**marks)
        if self.dialect == "postgresql" and self.trigrams:
            marks["terms"] = POSTGRESQL_RAREST.format(**marks, rarest=RAREST)
        contains = [
            parts["contains"].format(needle=marks[f"needle{place}"])
            for place in range(len(self.needles))
        ]
        filled = {name: parts[name].format(**marks) for name in ("index", "is_short", "indexed")}
        return STATEMENT.format(**marks, **filled, contains=" AND ".join(contains))

    def parameters(self) -> dict[str, Any]:
        """Return the values of the parameters."""
        near = NEAR * max(1, self.limit // 100)
        values = {"after": self.after, "limit": self.limit, "near": near}
        needles = {f"needle{place}": needle for place, needle in enumerate(self.needles)}
        if self.dialect == "postgresql":
            return {**values, **needles, **self._tsquery()}
        if self.trigrams:
            return {**values, **needles, "terms": " AND ".join(map(quote_fts5, self.trigrams))}
        beginning = self.needles[0].translate(REPLACED)
        return {**values, **needles, "terms": beginning, "last": beginning + LAST}

    @property
    def trigrams(self) -> list[str]:
        """The trigrams that a user must have; none if all needles are short."""
        return [*dict.fromkeys(trigram for needle in self.needles for trigram in grams(needle))]

    def _tsquery(self) -> dict[str, Any]:
        """Return the parameters of a tsquery: of the trigrams, or of the beginning of one."""
        if self.trigrams:
            quoted = [quote_lexeme(trigram) for trigram in self.trigrams]
            return {"terms": self.trigrams, "quoted": quoted}
        return {"terms": f"{quote_lexeme(self.needles[0])}:*"}


def grams(needle: str) -> Iterator[str]:
    """Yield each three consecutive letters."""
    for start in range(len(needle) - GRAM + 1):
        yield needle[start : start + GRAM]


def quote_fts5(term: str) -> str:
    """Quote a string of an FTS5 query."""
    return '"' + term.replace('"', '""') + '"'


def quote_lexeme(term: str) -> str:
    """Quote a lexeme of PostgreSQL's type tsquery."""
    return "'" + term.replace("\\", "\\\\").replace("'", "''") + "'"
