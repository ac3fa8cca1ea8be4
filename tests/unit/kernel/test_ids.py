"""Identifiers: the same cause gives the same ids as the standard says, and a UUIDv7 tells its time."""

from datetime import UTC, datetime
from uuid import UUID, uuid5

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.kernel.ids import event_id, is_minted_from_event, is_uuid, time_of_uuid7, uuid7
from tests.unit.kernel.moments import FLOAT_IS_ONE_LESS, MOMENTS

TAILS = st.binary(min_size=10, max_size=10)


@given(st.uuids(), st.text(max_size=60), st.integers(0, 10**6))
def test_an_event_s_id_is_the_standard_s_uuid5(cause: UUID, event_type: str, ordinal: int) -> None:
    assert event_id(str(cause), event_type, ordinal) == str(uuid5(cause, f"{event_type}/{ordinal}"))


@given(st.uuids(), st.integers(0, 20), st.integers(0, 20))
def test_each_event_of_a_cause_has_an_id_of_its_own(cause: UUID, one: int, two: int) -> None:
    assert (event_id(str(cause), "x", one) == event_id(str(cause), "x", two)) == (one == two)


@example(FLOAT_IS_ONE_LESS, bytes(10))
@given(MOMENTS, TAILS)
def test_a_uuid7_is_one_by_the_standard_and_tells_its_moment(moment: datetime, tail: bytes) -> None:
    made = uuid7(moment, tail)
    assert (UUID(made).version, UUID(made).variant) == (7, "specified in RFC 4122")
    assert time_of_uuid7(made) == moment


@given(MOMENTS, MOMENTS, TAILS, TAILS)
def test_uuid7s_sort_by_their_millisecond(one: datetime, two: datetime, first: bytes, second: bytes) -> None:
    if one != two:
        assert (uuid7(one, first) < uuid7(two, second)) == (one < two)


def test_what_lies_below_a_millisecond_is_cut_off_not_rounded() -> None:
    moment = datetime(2025, 1, 6, 9, 0, 0, 999_999, tzinfo=UTC)
    assert time_of_uuid7(uuid7(moment)) == moment.replace(microsecond=999_000)


def test_two_of_one_moment_differ() -> None:
    moment = datetime(2025, 1, 6, tzinfo=UTC)
    assert len({uuid7(moment) for _ in range(100)}) == 100


def test_a_command_s_id_is_told_from_an_event_s() -> None:
    command = uuid7(datetime(2025, 1, 6, tzinfo=UTC))
    assert not is_minted_from_event(command)
    assert is_minted_from_event(event_id(command, "x", 0))


@pytest.mark.parametrize(
    "text",
    [str(UUID(int=7)), UUID(int=7).hex, str(UUID(int=2**128 - 1)).upper(), uuid7(datetime(2025, 1, 6, tzinfo=UTC))],
    ids=["digits", "without dashes", "capitals", "of today"],
)
def test_a_uuid_is_told(text: str) -> None:
    assert is_uuid(text)


@pytest.mark.parametrize(
    "text", ["", "9990000018", "ada", "g" * 32, "0" * 31, "0" * 33, f"{'0' * 32}-----", " " * 32, "٠" * 32]
)
def test_from_what_is_none(text: str) -> None:
    assert not is_uuid(text)
