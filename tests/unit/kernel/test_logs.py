"""Logs can only say what is on the list."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from services.kernel.logs import ALLOWED, configure_logs, only_allowed

PERSON = {"family_name": "Example", "nhs_number": "9990000018", "body": "...", "key": "a key", "value": b"bytes"}


@pytest.fixture
def _configured() -> Iterator[None]:
    root = logging.getLogger()
    before, level, config = root.handlers[:], root.level, structlog.get_config()
    yield
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
    structlog.get_logger().info("batch", records=3, **PERSON)
    [line] = lines(capsys)
    assert line.pop("timestamp")
    assert line == {
        "event": "batch",
        "level": "info",
        "records": 3,
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
