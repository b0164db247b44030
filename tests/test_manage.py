"""What ``manage.py`` answers to mistakes: a last line that says why, and no traceback."""

from argparse import ArgumentTypeError
from pathlib import Path

import pytest

from django_app.management.terminal import file_name, reason_of, seconds
from tests.servers import run


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("prepare", "--wait", "abc"), "argument --wait: 'abc' is not a number of seconds from 0"),
        (("backup", ""), "argument file: '' is not the name of a file"),
        (("backup", "/nowhere/b"), "There is no backup (/nowhere/.b."),
        (("restore", "/nowhere/b"), "restored (/nowhere/b: No such file or directory)."),
        (("backup",), "the following arguments are required: file. Try 'manage.py backup --help'."),
        (("restor",), "Unknown command: 'restor'. Did you mean restore?"),
    ],
)
def test_a_mistake_is_answered_without_a_traceback(
    arguments: tuple[str, ...], line: str, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/db.sqlite3"
    if arguments == ("backup", "/nowhere/b"):
        made = run("python", "manage.py", "migrate", env={"GATEWAY_DATABASE_URL": url})
        assert made.returncode == 0, made.stderr
    result = run("python", "manage.py", *arguments, env={"GATEWAY_DATABASE_URL": url})
    assert result.returncode in (1, 2)
    assert line in result.stderr
    assert "usage:" not in result.stderr
    assert "Traceback" not in result.stderr
    assert "Errno" not in result.stderr


@pytest.mark.parametrize("command", ["backup", "prepare", "restore", "worker"])
def test_the_help_ends_with_an_example(command: str) -> None:
    result = run("python", "manage.py", command, "--help")
    assert result.returncode == 0
    assert f"Example: python manage.py {command}" in result.stdout.splitlines()[-1]


@pytest.mark.parametrize("text", ["", "x", "nan", "inf", "-1"])
def test_seconds_are_a_number_from_0(text: str) -> None:
    assert seconds("0") == 0
    assert seconds("1.5") == 1.5
    with pytest.raises(ArgumentTypeError, match=f"^'{text}' is not a number of seconds"):
        seconds(text)


def test_a_directory_is_not_the_name_of_a_file(tmp_path: Path) -> None:
    assert file_name(str(tmp_path / "b")) == tmp_path / "b"
    with pytest.raises(ArgumentTypeError, match="is not the name of a file"):
        file_name(str(tmp_path))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(13, "Permission denied", "/a"), "/a: Permission denied"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (ValueError("first\nsecond"), "first"),
        (ValueError(), "ValueError"),
    ],
)
def test_a_reason_is_one_line_without_a_number(error: Exception, reason: str) -> None:
    assert reason_of(error) == reason
