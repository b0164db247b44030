"""The gateway's loggers, in this process; the fixture ``usual_loggers`` releases them."""

import logging
import sys

import pytest

from framework_gateway import loggers
from framework_gateway.loggers import get_logger


class Records(logging.Handler):
    """A handler that keeps the records."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def written() -> list[logging.LogRecord]:
    """What the gateway writes from now on."""
    handler = Records()
    loggers.install(handler)
    return handler.records


@pytest.mark.parametrize("name", ["framework_gateway", "companion.clock"])
def test_the_loggers_are_usual_ones_in_another_process(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger(name).warning("in the log of %s", "another server")
    assert [record.message for record in caplog.records] == ["in the log of another server"]
    assert type(logging.getLogger(name)) is logging.Logger


def test_a_record_is_written_once_and_does_not_reach_the_root_logger(
    written: list[logging.LogRecord], caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("framework_gateway").warning("once")
    assert [record.getMessage() for record in written] == ["once"]
    assert caplog.records == []


def test_a_handler_of_ones_own_gets_the_records_too(written: list[logging.LogRecord]) -> None:
    logger, handler = logging.getLogger("framework_gateway"), Records()
    logger.addHandler(handler)
    logger.error("an error")
    logger.removeHandler(handler)
    assert written == handler.records
    assert len(written) == 1


def test_a_second_handler_on_stderr_is_not_added(written: list[logging.LogRecord]) -> None:
    logger = logging.getLogger("framework_gateway")
    logger.addHandler(logging.StreamHandler(sys.stderr))
    assert logger.handlers == []


def test_a_logger_can_join_before_and_after(written: list[logging.LogRecord]) -> None:
    late = get_logger("late", logging.INFO)
    late.disabled = True
    late.propagate = False
    late.setLevel(logging.ERROR)
    late.info("written")
    late.debug("not written")
    assert [record.getMessage() for record in written] == ["written"]


def test_a_record_that_nobody_takes_is_written(
    written: list[logging.LogRecord], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logging.root, "handlers", [])
        logging.getLogger("shop").warning("nobody has configured logging")
    logging.getLogger("shop").warning("the root logger has a handler")
    assert [record.message for record in caplog.records] == ["the root logger has a handler"]
    assert [record.getMessage() for record in written] == ["nobody has configured logging"]
