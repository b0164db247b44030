"""Searches ignore the case of all letters, in all three frameworks and on both databases."""

import sys
import unicodedata
from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.models.functions import Upper

from contract.folding import FOLDED, fold
from tests.conftest import Api
from tests.databases import PostgreSQL, SQLite

# A name, and needles that find it.
ODD = [
    ("ΟΔΟΣ", ["οδος", "οδοσ", "Οδος"]),
    ("Straße", ["straße", "STRASSE", "STRAẞE", "ss", "ẞ", "asse"]),
    ("İstanbul", ["İstanbul", "i̇stanbul", "İSTANBUL", "stanbul"]),
    ("Kad\N{LATIN SMALL LETTER DOTLESS I}köy", ["KAD\N{LATIN SMALL LETTER DOTLESS I}KÖY"]),
    ("ΣΊΣΥΦΟΣ", ["σίσυφος", "Σίσυφοσ", "ΦΟς"]),
    ("ŞEYMA ÇIĞ", ["şeyma çiğ", "Ç"]),
    ("ﬁnance oﬃce", ["FINANCE", "office", "ﬁ", "ﬃ"]),
    ("ǅemal", ["ǆemal", "ǄEMAL", "ǅ"]),
    ("ᏣᎳᎩ", ["ꮳꮃꭹ", "ᏣᎳᎩ"]),
    ("ᾼδης", ["ᾳδησ", "ΑΙΔΗΣ", "ᾼ"]),
    ("cafe\u0301 \u0345", ["CAFE\u0301", "\u0345", "\u0399", "\u03b9"]),
    ("ŉ ǰ ΐ ﬀ ﬗ", ["\u02bcN", "ǰ", "ΐ", "FF", "ﬗ"]),
    ("Kelvin Ωhm Å \u017f", ["kelvin", "ωHM", "å", "S"]),
    ("𐐀 𞤀", ["𐐨", "𞤢"]),
    ("50% _a\\b", ["50%", "%", "_A", "\\B"]),
]


@pytest.mark.parametrize(("name", "needles"), ODD, ids=[name for name, _ in ODD])
def test_odd_letters_are_found(apis: list[Api], name: str, needles: list[str]) -> None:
    created = apis[0].post("/api/users", json={"name": name, "email": "odd@example.org"})
    assert created.status_code == 201
    forms = {name, name.upper(), name.lower(), name.title(), name.casefold(), *needles}
    for needle in forms:
        # Unicode: the dotless i has the upper case I, but I has the lower case i.
        is_found = "KADI" not in needle
        for api in apis:
            found = api.get("/api/users", params={"search": needle}).json()
            assert (created.json() in found) == is_found, (needle, api.framework)


def test_a_search_finds_names_and_emails_but_nothing_that_spans_both(api: Api) -> None:
    for needle, count in (("ALICE@", 1), ("alice", 1), ("EXAMPLE", 2), ("ealice", 0), ("", 2)):
        assert len(api.get("/api/users", params={"search": needle}).json()) == count, needle


def all_letters() -> Iterator[str]:
    """Yield every character that can be stored."""
    for number in range(1, sys.maxunicode + 1):
        if unicodedata.category(letter := chr(number)) not in ("Cs", "Cn", "Co"):
            yield letter


def test_the_databases_fold_every_letter_as_the_table_says(
    database: SQLite | PostgreSQL,
) -> None:
    from django_app.models import User

    letters = [*all_letters()]
    names = ["".join(letters[start : start + 100]) for start in range(0, len(letters), 100)]
    names += [letter * 2 for letter in FOLDED]
    User.objects.bulk_create(
        User(name=name, email=f"{number}@é.example") for number, name in enumerate(names)
    )
    rows = User.objects.filter(id__gt=2).values_list("name", "email", "folded")
    assert len(rows) == len(names)
    assert [name for name, email, folded in rows if folded != fold(f"{name}\n{email}")] == []


def test_the_table_is_the_one_of_unicode() -> None:
    # Later versions of Python know more letters, but fold these in the same way.
    assert {letter: letter.casefold() for letter in FOLDED} == FOLDED
    if unicodedata.unidata_version == "14.0.0":
        assert {x for x in all_letters() if x.casefold() != x} == {*FOLDED}
    assert all(fold(folded) == folded for folded in FOLDED.values())
    assert fold("".join(map(chr, range(128)))) == "".join(map(chr, range(128))).lower()


def test_changes_by_any_way_are_folded(database: SQLite | PostgreSQL) -> None:
    from django_app.models import User

    user = User.objects.create(name="STRASSE", email="s@example.com")
    user.name = "ẞ"
    user.save()  # also writes the column, with its old value
    User.objects.filter(id=1).update(name=Upper("name"))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE users SET name = 'ÀÉ' WHERE id = 2")
    folded = User.objects.values_list("folded", flat=True)
    assert [*folded] == [
        "alice\nalice@example.com",
        "àé\nbob@example.com",
        "ss\ns@example.com",
    ]
