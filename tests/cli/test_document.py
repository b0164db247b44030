"""Lines of values in TOML: every way to write a key, a table and a value."""

from pathlib import Path

import pytest

from framework_gateway.cli.file.document import Document, DocumentError, Place

TEXT = '''\
# a comment
first = 1

second = """
first = 2
[table]
"""
list = [
  1,  # one

  2,
]
"quoted key".inner = true
inline = { a = 1, b = [1, 2] }

  # another comment

[table]  # the header
a.b.c = 1
a.d = 2

[[many]]
x = 1
[many.below]
y = 1

[[many]]
z = \'\'\'
[[many]]
\'\'\'
'''


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ((), 1),
        (("first",), 2),
        (("second",), 4),
        (("list",), 8),
        (("list", 1), 8),
        (("quoted key",), 13),
        (("quoted key", "inner"), 13),
        (("inline", "b", 1), 14),
        (("table",), 18),
        (("table", "a", "b", "c"), 19),
        (("table", "a", "d"), 20),
        (("many",), 22),
        (("many", 0), 22),
        (("many", 0, "x"), 23),
        (("many", 0, "below"), 24),
        (("many", 0, "below", "y"), 25),
        (("many", 1), 27),
        (("many", 1, "z"), 28),
        (("many", 1, "missing"), 27),
        (("many", 2), 22),
        (("missing", "x"), 1),
        (("first", "x"), 2),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_line_of_a_value_is_where_it_is_written(place: Place, line: int, end: str) -> None:
    assert Document.parse(TEXT.replace("\n", end)).line_of(place) == line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = 1\nb =\n", 2),
        ("a = 1\n\nb", 3),
        ("a = 1\na = 2", 2),
        ("a = 1\na = 2\n\nb = 3", 2),
        ("[a]\nb = 1\n[a]\n", 3),
        ('a = 1\nb = """\nc = 2\n', 2),
        ("a = 1\nb = [\n1,\n", 2),
        ("a = 1\nb = 'x\nc = 2", 2),
        ("a = 1\rb = 2", 1),
        ("a = 2024-13-01", 1),
        ("a = 1\nb = \x00", 2),
        ("a = 1\nb = " + "9" * 5000, 2),
    ],
)
def test_what_is_no_toml_has_a_line(text: str, line: int) -> None:
    with pytest.raises(DocumentError) as caught:
        Document.parse(text)
    assert caught.value.line == line
    assert str(caught.value)
    assert "(at" not in str(caught.value)


def test_deeply_nested_arrays_are_refused() -> None:
    with pytest.raises(DocumentError, match="too many nested"):
        Document.parse("a = " + "[" * 100_000)


@pytest.mark.parametrize("content", [b"", b"\n", b"\xef\xbb\xbf", b"# only a comment"])
def test_an_empty_file_is_an_empty_document(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.toml"
    file.write_bytes(content)
    assert Document.read(file).data == {}


def test_a_byte_order_mark_moves_no_line(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_bytes(b"\xef\xbb\xbfa = 1\r\nb = 2\r\n")
    assert Document.read(file).line_of(("b",)) == 2


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_file_in_another_encoding_is_refused(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "x.toml"
    file.write_text("a = 'ä'", encoding=encoding)
    with pytest.raises(DocumentError, match="not in UTF-8"):
        Document.read(file)


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for file, reason in (
        (tmp_path, "Is a directory"),
        (tmp_path / "none", "No such file"),
        (loop, "Too many levels"),
    ):
        with pytest.raises(DocumentError, match=f"cannot be read: {reason}"):
            Document.read(file)


def test_the_line_in_a_long_file_is_found_without_parsing_it_for_each_line() -> None:
    text = "".join(f"[[mounts]]\nprefix = '/{number}'\n" for number in range(2000))
    assert Document.parse(text).line_of(("mounts", 1500, "prefix")) == 3002
