"""Logs can only say what is on the list."""

import json
import logging
import re
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from services.kernel.logs import ALLOWED, configure_logs, log_crash, only_allowed
from services.kernel.raised import raised as errors_raised

PERSON = {"family_name": "Example", "nhs_number": "9990000018", "body": "...", "key": "a key", "value": b"bytes"}


@pytest.fixture
def _configured() -> Iterator[None]:
    root = logging.getLogger()
    before, level, config = root.handlers[:], root.level, structlog.get_config()
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning
    yield
    sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning = hooks
    root.handlers[:], root.level = before, level
    structlog.configure(**config)
    structlog.contextvars.clear_contextvars()


def lines(captured: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in captured.readouterr().err.splitlines()]


def test_a_key_that_is_not_on_the_list_is_dropped_and_counted() -> None:
    entry = only_allowed(None, "info", {"event": "batch", "topic": "t", **PERSON})
    assert entry == {"event": "batch", "topic": "t", "dropped": len(PERSON)}


def test_nothing_is_counted_where_nothing_was_dropped() -> None:
    assert only_allowed(None, "info", {"event": "batch"}) == {"event": "batch"}


def test_the_list_has_no_key_for_a_record_s_contents() -> None:
    assert ALLOWED.isdisjoint({*PERSON, "headers", "data", "record", "name", "person_id", "url", "query", "message"})


@pytest.mark.usefixtures("_configured")
def test_a_line_is_json_with_service_and_role(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("INFO", service="triage", role="worker")
    structlog.get_logger().info("batch", count=3, **PERSON)
    [line] = lines(capsys)
    assert line.pop("timestamp")
    assert line == {
        "event": "batch",
        "level": "info",
        "count": 3,
        "service": "triage",
        "role": "worker",
        "dropped": 5,
    }


@pytest.mark.usefixtures("_configured")
def test_the_level_holds_for_our_logger_and_for_others(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("WARNING")
    structlog.get_logger().info("quiet")
    logging.getLogger("somebody").info("quiet")
    logging.getLogger("aiokafka").info("quiet")
    logging.getLogger("somebody").warning("heard", extra={"nhs_number": "9990000018"})
    [line] = lines(capsys)
    assert (line["event"], line["level"]) == ("heard", "warning")
    assert "nhs_number" not in line


def raised() -> ValueError:
    """Return an error as it is caught: one that was raised somewhere."""
    try:
        raise ValueError("Ada Example, 9990000018")
    except ValueError as error:
        return error


@pytest.mark.usefixtures("_configured")
def test_a_library_is_heard_without_what_it_filled_in(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs()
    library, name = logging.getLogger("somebody"), "Ada Example"
    library.error("cannot take %s", name)
    library.error(f"cannot take {name}")
    library.error(raised())
    library.error("cannot go on", exc_info=raised(), stack_info=True)
    said = lines(capsys)
    assert [line["event"] for line in said[::3]] == ["cannot take %s", "cannot go on"]
    place = re.compile(r"test_logs.py:[0-9]+ test_a_library_is_heard_without_what_it_filled_in")
    assert all(place.fullmatch(line["event"]) for line in said[1:3])
    assert re.fullmatch(r"ValueError in test_logs.py:[0-9]+ raised", said[3]["error"])
    assert {line["logger"] for line in said} == {"somebody"}
    assert "Ada" not in str(said)


@pytest.mark.usefixtures("_configured")
def test_crashes_and_warnings_are_told_by_type_and_place(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs()
    error = raised()
    sys.excepthook(type(error), error, error.__traceback__)
    dying = threading.Thread(target=failing, args=(error,))
    dying.start()
    dying.join()
    warnings.showwarning("Ada Example", RuntimeWarning, "/somewhere/place.py", 7)
    log_crash(None)
    said = lines(capsys)
    assert [line["event"] for line in said] == ["crashed", "crashed", "warned", "crashed"]
    assert "raised" in said[0]["error"]
    assert "failing" in said[1]["error"]
    assert (said[2]["error"], said[2]["detail"]) == ("RuntimeWarning", "place.py:7")
    assert "Ada" not in str(said)


def failing(error: Exception) -> None:
    raise error


def test_an_error_is_told_with_its_cause_and_a_group_with_its_members() -> None:
    try:
        raise RuntimeError("Ada Example") from raised()
    except RuntimeError as error:
        group = ExceptionGroup("of Ada Example", [error, KeyError("Ada")])
    told = errors_raised(group)
    assert re.fullmatch(
        r"ExceptionGroup of RuntimeError in test_logs.py:[0-9]+ test_\w+; after ValueError, KeyError", told
    )
