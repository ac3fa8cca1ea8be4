"""Laws of sealed content, for any JSON and any damage."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.kernel.sealing.errors import SealInvalid
from services.kernel.sealing.subject_key import SubjectKey
from services.kernel.sealing.tokens import open_token, seal, token_header

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=20,
)
NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
KEYS = st.builds(SubjectKey, NAMES, NAMES, st.binary(min_size=32, max_size=32))


@given(JSON, KEYS, NAMES, st.none() | NAMES)
def test_what_is_sealed_opens(value: Any, key: SubjectKey, field: str, event_id: str | None) -> None:
    token = seal(value, key, field, event_id=event_id)
    header = token_header(token)
    assert (header.kid, header.sub, header.fld) == (key.kid, key.subject, field)
    assert open_token(token, key, field, {key.subject}) == value


@given(JSON, KEYS, NAMES, st.data())
def test_a_damaged_token_never_opens_and_raises_nothing_else(
    value: Any, key: SubjectKey, field: str, data: st.DataObject
) -> None:
    token = seal(value, key, field)
    place = data.draw(st.integers(0, len(token)))
    length = data.draw(st.integers(0, 3))
    damaged = token[:place] + data.draw(st.text(max_size=3)) + token[place + length :]
    if damaged == token:
        return
    try:
        open_token(damaged, key, field, {key.subject})
    except SealInvalid:
        return
    raise AssertionError("a damaged token was opened")


@given(st.text(max_size=300))
def test_no_text_breaks_a_reader(text: str) -> None:
    try:
        token_header(text)
    except SealInvalid:
        return


@given(JSON, JSON, KEYS, NAMES, NAMES, NAMES)
def test_a_derived_token_is_the_same_exactly_for_the_same(
    one: Any, two: Any, key: SubjectKey, field: str, event: str, other: str
) -> None:
    first = seal(one, key, field, event_id=event)
    assert first == seal(one, key, field, event_id=event)
    nonce = first.split(".")[2]
    if event != other:
        assert seal(one, key, field, event_id=other).split(".")[2] != nonce
    if seal(two, key, field, event_id=event).split(".")[2] == nonce:
        assert seal(two, key, field, event_id=event) == first
