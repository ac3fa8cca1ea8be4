"""The envelope: what is written can be read, and each thing that is wrong has its code."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.envelope import Envelope, EnvelopeError, Headers, from_headers, to_headers
from services.kernel.limits import MAX_INTEGER
from tests.unit.kernel.moments import MOMENTS

AT = datetime(2025, 1, 6, 9, 30, tzinfo=UTC)
ID = "0192f3a1-5c77-5b0e-9d43-6a1f0c2e7b11"
COMMAND = "0192f3a1-5c77-7b0e-9d43-6a1f0c2e7b12"
WHOLE = Envelope(
    id=ID,
    source="/example",
    type="org.example.thing.done.v1",
    subject="a-thing",
    time=AT,
    recordedtime=AT,
    sequence=3,
    correlationid="c-1",
    causationid=COMMAND,
    dataschema="/schemas/thing.json",
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    policy="card;1;abc",
)

WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
KEYS = st.uuids().map(str) | st.from_regex(r"[0-9._:-]{0,9}[a-z][a-z0-9._:-]{0,9}", fullmatch=True)
ENVELOPES = st.builds(
    Envelope,
    id=st.uuids().map(str),
    source=WORDS,
    type=WORDS,
    subject=KEYS,
    time=MOMENTS,
    recordedtime=MOMENTS,
    sequence=st.integers(1, MAX_INTEGER),
    correlationid=WORDS,
    causationid=st.uuids().map(str),
    dataschema=st.none() | WORDS,
    traceparent=st.none() | WORDS,
    policy=st.none() | WORDS,
)


@given(ENVELOPES)
def test_what_is_written_can_be_read(envelope: Envelope) -> None:
    assert from_headers(to_headers(envelope.attributes()), envelope.subject.encode()) == envelope


def test_the_headers_are_those_of_binary_mode_and_absent_ones_are_left_out() -> None:
    bare = replace(WHOLE, dataschema=None, traceparent=None, policy=None)
    names = [name for name, _ in to_headers(bare.attributes())]
    assert names == [
        "ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject", "ce_time", "ce_recordedtime", "ce_sequence",
        "ce_correlationid", "ce_causationid", "content-type",
    ]  # fmt: skip
    assert [n for n, _ in to_headers(WHOLE.attributes()) if n not in names] == [
        "ce_dataschema",
        "ce_traceparent",
        "ce_policy",
    ]


def headers(**changed: bytes | None) -> Headers:
    """Whole headers with some changed, or left out where None."""
    found = dict(to_headers(WHOLE.attributes()))
    found |= {name.replace("__", "-"): content for name, content in changed.items()}  # type: ignore[misc]
    return tuple((name, content) for name, content in found.items() if content is not None)


def code_of(found: Headers, key: bytes | None = b"a-thing") -> str | None:
    try:
        from_headers(found, key)
    except EnvelopeError as error:
        return error.code
    return None


def test_headers_of_others_are_passed_over() -> None:
    assert code_of((*headers(), ("x-other", b"\xff"), ("trace", b"\x00"))) is None
    assert code_of(headers(content__type=b"application/json; charset=utf-8")) is None


@pytest.mark.parametrize(
    "name",
    [
        "id",
        "source",
        "type",
        "subject",
        "time",
        "recordedtime",
        "sequence",
        "correlationid",
        "causationid",
        "specversion",
    ],
)
@pytest.mark.parametrize("content", [None, b""])
def test_each_attribute_that_must_be_there(name: str, content: bytes | None) -> None:
    assert code_of(headers(**{f"ce_{name}": content})) == "envelope_incomplete"


@pytest.mark.parametrize("name", ["dataschema", "traceparent", "policy"])
def test_each_attribute_that_may_be_absent(name: str) -> None:
    assert code_of(headers(**{f"ce_{name}": None})) is None


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"ce_specversion": b"0.3"}, "envelope_incomplete"),
        ({"content__type": b"text/plain"}, "content_type_unknown"),
        ({"content__type": None}, "content_type_unknown"),
        ({"ce_id": ID.upper().encode()}, "id_malformed"),
        ({"ce_id": b"1"}, "id_malformed"),
        ({"ce_id": f"{ID}\n".encode()}, "id_malformed"),
        ({"ce_causationid": b"nobody"}, "id_malformed"),
        ({"ce_sequence": b"0"}, "sequence_malformed"),
        ({"ce_sequence": b"-1"}, "sequence_malformed"),
        ({"ce_sequence": b"01"}, "sequence_malformed"),
        ({"ce_sequence": b"1.0"}, "sequence_malformed"),
        ({"ce_sequence": "١".encode()}, "sequence_malformed"),
        ({"ce_sequence": str(MAX_INTEGER + 1).encode()}, "sequence_malformed"),
        ({"ce_sequence": str(MAX_INTEGER).encode()}, None),
        ({"ce_subject": b"another"}, "subject_is_not_key"),
        ({"ce_time": b"yesterday"}, "time_malformed"),
        ({"ce_time": b"2025-01-06T09:30:00"}, "time_malformed"),
        ({"ce_recordedtime": b"2025-13-06T09:30:00Z"}, "time_malformed"),
        ({"ce_time": b"0001-01-01T00:00:00+14:00"}, "time_malformed"),
        ({"ce_time": b"2025-01-06T10:30:00.000+01:00"}, None),
        ({"ce_source": b"\xff"}, "header_undecodable"),
        ({"ce_source": b"a\x00b"}, "header_undecodable"),
    ],
)
def test_each_fault_has_its_code(changed: dict[str, bytes | None], code: str | None) -> None:
    assert code_of(headers(**changed)) == code


@pytest.mark.parametrize("key", [None, b"", b"another", b"\xff"])
def test_the_key_must_be_the_subject(key: bytes | None) -> None:
    assert code_of(headers(), key) == "subject_is_not_key"


@pytest.mark.parametrize(
    "key", ["Ada Example", "Example", "9990000018", "1986-04-12", "o'neill", "ada\n", "ada@example", "é"]
)
def test_what_is_no_key_of_ours_is_not_taken_for_one(key: str) -> None:
    """It would stand in clear wherever keys do."""
    assert code_of(headers(ce_subject=key.encode()), key.encode()) == "key_malformed"


@pytest.mark.parametrize("key", [ID, ID.upper(), "00000000-0000-0000-0000-000000000000", "wwgm-2024", "7a"])
def test_a_key_is_a_uuid_or_a_name(key: str) -> None:
    assert code_of(headers(ce_subject=key.encode()), key.encode()) is None


def test_a_header_that_comes_twice_is_refused_whoever_s_it_is() -> None:
    """Two readers could take two different ones for true."""
    assert code_of((*headers(), ("ce_id", UUID(ID).hex.encode()))) == "header_repeated"
    assert code_of((*headers(), ("x-other", b"1"), ("x-other", b"2"))) == "header_repeated"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ce_id", "ce_type", "ce_time", "ce_sequence", "content-type", "x"]), st.binary(max_size=40)
        )
    ),
    st.none() | st.binary(max_size=9),
)
def test_no_bytes_raise_anything_else(found: list[tuple[str, bytes]], key: bytes | None) -> None:
    assert code_of(tuple(found), key) is not None
