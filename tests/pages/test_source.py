"""The source of an operation, and what it calls."""

from framework_gateway.pages.source import calls_of, source_of


def test_the_line_of_a_lambda_may_be_no_statement() -> None:
    views = {
        "first": lambda: None,
        "second": lambda: None,
    }
    source = source_of(views["second"])
    assert source is not None
    assert source.code.strip().startswith('"second": lambda')
    assert calls_of(views["second"], source.code) == []
