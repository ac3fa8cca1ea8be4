"""From a record to an input or to poison: which code, and what is kept for the operator."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.decision import Received
from services.kernel.envelope import Headers
from services.kernel.replay.history import History, read_own
from services.kernel.runtime.records import (
    Decoded,
    Poison,
    Record,
    UnknownVersion,
    decode,
    headers_from_json,
    headers_to_json,
)
from tests.tally.domain import ADDED, COUNTED, IGNORED, Added, Counted, tally_service
from tests.tally.records import AT, headers, record

SERVICE = tally_service()
GOOD = record(7, "a", 3, 41)


def with_header(found: Headers, name: str, content: bytes) -> Headers:
    return tuple((n, content if n == name else c) for n, c in found)


def test_an_event_becomes_an_input() -> None:
    item = decode(SERVICE, GOOD)
    assert isinstance(item, Decoded)
    assert item.cause == Received(item.envelope.id, ADDED, "a", Added(number=41), AT, 3)
    assert item.record is GOOD


def test_a_type_that_is_not_handled_has_its_place_in_the_order_and_no_cause() -> None:
    item = decode(SERVICE, replace(GOOD, headers=headers("a", 3, type_=IGNORED)))
    assert isinstance(item, Decoded)
    assert (item.cause, item.envelope.sequence) == (None, 3)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"value": None}, "no_value"),
        ({"value": b""}, "data_invalid"),
        ({"value": b"\xff"}, "data_invalid"),
        ({"value": b"{}"}, "data_invalid"),
        ({"value": b'{"number": "1"}'}, "data_invalid"),
        ({"value": b'{"number": NaN}'}, "not_a_number"),
        ({"value": b'{"number": 9007199254740993}'}, "integer_too_large"),
        ({"value": b'{"number": 1, "note": "\\u0000"}'}, "nul_character"),
        ({"value": b'{"number": 1, "note": "\\ud800"}'}, "lone_surrogate"),
        ({"value": b'{"number": 1, "x": ' + b"[" * 20 + b"]" * 20 + b"}"}, "too_deep"),
        ({"value": b" " * (64 * 1024 + 1)}, "value_too_large"),
        ({"key": b"k" * 65}, "key_too_large"),
        ({"key": b"b"}, "subject_is_not_key"),
        ({"key": None}, "subject_is_not_key"),
        ({"headers": ()}, "envelope_incomplete"),
        ({"headers": GOOD.headers * 2}, "too_many_headers"),
        ({"headers": (*GOOD.headers, ("x", b"y" * 4096))}, "header_too_large"),
        ({"headers": headers("a", 3, type_="org.example.other.v1", source="/stranger")}, "type_unknown"),
        ({"headers": headers("a", 3, type_="uk.example.number.added.v2", source="/pathway/tally")}, "type_unknown"),
        ({"topic": "another"}, "type_unknown"),
    ],
)
def test_each_kind_of_poison_has_its_code(changes: dict[str, Any], code: str) -> None:
    item = decode(SERVICE, replace(GOOD, **changes))
    assert isinstance(item, Poison)
    assert item.code == code


@pytest.mark.parametrize("type_", ["uk.example.number.added.v2", "uk.example.number.lost.v1"])
def test_what_our_own_producers_send_and_we_do_not_know_is_no_poison_but_our_age(type_: str) -> None:
    found = headers("a", 3, type_=type_, source="/pathway/source")
    with pytest.raises(UnknownVersion, match=type_):
        decode(SERVICE, replace(GOOD, headers=found))


@pytest.mark.parametrize(
    "type_", ["Ada Example", "uk.example.AdaExample.v1", "9990000018", "uk.example.number.v9990000018"]
)
def test_a_type_that_is_no_name_of_one_is_not_repeated_where_everybody_reads_it(type_: str) -> None:
    with pytest.raises(UnknownVersion) as old:
        decode(SERVICE, replace(GOOD, headers=headers("a", 3, type_=type_, source="/pathway/source")))
    assert str(old.value) == "a type that is no name of one from /pathway/source in numbers"


@pytest.mark.parametrize("source", ["/pathway/tally", "/stranger", "/pathway/source/"])
@pytest.mark.parametrize("type_", [ADDED, IGNORED])
def test_only_the_producer_s_word_counts_and_nobody_else_can_claim_its_numbers(source: str, type_: str) -> None:
    item = decode(SERVICE, replace(GOOD, headers=headers("a", 3, type_=type_, source=source)))
    assert isinstance(item, Poison)
    assert (item.code, item.key, item.sequence) == ("source_not_producer", "a", None)
    assert source not in item.detail


def test_poison_keeps_what_could_be_read_of_it() -> None:
    item = decode(SERVICE, replace(GOOD, value=b"{}"))
    assert isinstance(item, Poison)
    assert (item.key, item.sequence, item.event_id) == ("a", 3, dict(GOOD.headers)["ce_id"].decode())
    early = decode(SERVICE, replace(GOOD, headers=with_header(GOOD.headers, "ce_time", b"now")))
    assert isinstance(early, Poison)
    assert (early.key, early.sequence) == ("a", 3)


@pytest.mark.parametrize(
    ("key", "sequence", "kept"),
    [
        (b"\xff", b"3", (None, None)),
        (b"a\x00b", b"3", (None, 3)),
        (b"Ada Example", b"3", (None, 3)),
        (b"9990000018", b"3", (None, 3)),
        (b"", b"3", (None, 3)),
        (b"a", b"-3", ("a", None)),
        (b"a", "٣".encode(), ("a", None)),
        (b"a", b"9" * 17, ("a", None)),
        (b"k" * 65, b"3", (None, 3)),
    ],
)
def test_what_a_table_could_not_hold_is_not_kept(key: bytes, sequence: bytes, kept: tuple[Any, Any]) -> None:
    found = replace(GOOD, key=key, headers=with_header(GOOD.headers, "ce_sequence", sequence))
    item = decode(SERVICE, found)
    assert isinstance(item, Poison)
    assert (item.key, item.sequence) == kept


@pytest.mark.parametrize("event", ["Ada Example", "9990000018", ""])
def test_an_id_that_is_none_is_not_kept(event: str) -> None:
    item = decode(SERVICE, replace(GOOD, headers=with_header(GOOD.headers, "ce_id", event.encode())))
    assert isinstance(item, Poison)
    assert item.event_id is None


def test_what_is_wrong_is_said_without_the_value() -> None:
    item = decode(SERVICE, replace(GOOD, value=b'{"number": "Ada Example", "note": 7}'))
    assert isinstance(item, Poison)
    assert item.detail == "number: int_type; note: string_type"


@given(st.none() | st.binary(max_size=80), st.none() | st.binary(max_size=80), st.booleans())
def test_no_bytes_raise_anything(key: bytes | None, value: bytes | None, whole: bool) -> None:
    found = replace(GOOD, key=key, value=value, headers=GOOD.headers if whole else ())
    assert isinstance(decode(SERVICE, found), Poison | Decoded)


HEADERS = st.lists(st.tuples(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), st.binary()))


@given(HEADERS)
def test_headers_come_back_from_a_table_as_they_were(found: list[tuple[str, bytes]]) -> None:
    text = headers_to_json(tuple(found))
    assert "\\u0000" not in text
    assert headers_from_json(text) == tuple(found)


def test_a_header_without_content_or_a_row_without_headers() -> None:
    assert headers_from_json(headers_to_json((("x", None),))) == (("x", None),)  # type: ignore[arg-type, comparison-overlap]  # brokers give it
    assert headers_from_json(None) == ()


# one's own events, read back from the log


OWN = Record(
    "tallies",
    0,
    0,
    b"a",
    Counted(total=5, count=1).model_dump_json().encode(),
    headers("a", 1, type_=COUNTED, source=SERVICE.source),
)


def test_one_s_own_event_is_read_back() -> None:
    own = read_own(SERVICE, OWN)
    assert own is not None
    assert (own.event.type, own.event.sequence, own.event.data) == (COUNTED, 1, Counted(total=5, count=1))
    assert own.value == OWN.value


@pytest.mark.parametrize(
    "changes",
    [
        {"headers": headers("a", 1, type_=COUNTED, source="/somebody")},
        {"headers": headers("a", 1, type_="uk.example.tally.lost.v1", source=SERVICE.source)},
        {"headers": ()},
        {"value": None},
        {"value": b"\xff"},
        {"value": b'{"total": "many"}'},
    ],
)
def test_what_others_wrote_and_what_nobody_can_read_is_passed_over(changes: dict[str, Any]) -> None:
    assert read_own(SERVICE, replace(OWN, **changes)) is None


def test_an_unreadable_event_of_one_s_own_is_a_gap_unless_a_good_copy_stands_beside_it() -> None:
    bad = replace(OWN, value=b"\xff")
    second = replace(OWN, offset=1, headers=headers("a", 2, type_=COUNTED, source=SERVICE.source))
    gap, whole = History(SERVICE), History(SERVICE)
    for found in (bad, second):
        gap.add(found)
    for found in (bad, OWN, second, OWN):
        whole.add(found)
    assert gap.events("a") == []
    assert [d.what for d in gap.differences] == ["gap_in_log"]
    assert [own.event.sequence for own in whole.events("a")] == [1, 2]
    assert whole.differences == []


def test_one_number_under_two_ids_is_a_difference() -> None:
    history = History(SERVICE)
    history.add(OWN)
    forged = headers("a", 1, type_=COUNTED, source=SERVICE.source, event="00000000-0000-5000-8000-000000000001")
    history.add(replace(OWN, headers=forged))
    assert [d.what for d in history.differences] == ["two_ids_for_one_sequence"]
