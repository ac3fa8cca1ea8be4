"""Input limits: each boundary, and no way around one through what stands in a string."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.limits import MAX_DEPTH, MAX_INTEGER, LimitError, check_json


def code_of(raw: bytes) -> str | None:
    try:
        check_json(raw)
    except LimitError as error:
        return error.code
    return None


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"[" * 16 + b"]" * 16, None),
        (b"[" * 17 + b"]" * 17, "too_deep"),
        (b'{"a":' * 17 + b"1" + b"}" * 17, "too_deep"),
        (b"[" + b"{}," * 40 + b"{}]", None),
        (b'["]",' * 17 + b"1" + b"]" * 17, "too_deep"),
        (b'["\\"]",' * 17 + b"1" + b"]" * 17, "too_deep"),
        (b'["' + b"[" * 40 + b'"]', None),
        (b"[" * 17 + b'"' + b"]" * 40, "too_deep"),
        (b"[NaN]", "not_a_number"),
        (b"[-Infinity]", "not_a_number"),
        (b'["NaN"]', None),
        (b"[1e400]", "not_a_number"),
        (b"[1.5]", None),
        (str(MAX_INTEGER).encode(), None),
        (str(MAX_INTEGER + 1).encode(), "integer_too_large"),
        (b"9" * 400, "integer_too_large"),
        (str(-MAX_INTEGER - 1).encode(), "integer_too_large"),
        (b"[1e300]", "integer_too_large"),
        (b'["9007199254740992999"]', None),
        (b'"\\u0000"', "nul_character"),
        (b'"\\\\u0000"', None),
        (b'{"\\u0000":1}', "nul_character"),
        (b'"\x00"', "nul_character"),
        (b'"\\ud83d\\ude00"', None),
        (b'"\\ud83d"', "lone_surrogate"),
        (b'"\\uDE00 x"', "lone_surrogate"),
        (b" " * (64 * 1024), None),
        (b" " * (64 * 1024 + 1), "value_too_large"),
        (b"\xff", None),
        (b"", None),
    ],
)
def test_boundaries(raw: bytes, code: str | None) -> None:
    assert code_of(raw) == code


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=[])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=30,
)


def depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


def texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, str):
        yield value


@given(json_values, st.booleans())
def test_what_is_let_through_can_be_stored(value: object, ascii_only: bool) -> None:
    raw = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    if code_of(raw) is None:
        assert depth(value) <= MAX_DEPTH
        assert "\x00" not in "".join(texts(value))
        json.loads(raw, parse_constant=pytest.fail)


@given(st.integers(0, 40), st.text('[]{}"\\ ', max_size=20))
def test_the_depth_does_not_depend_on_strings(levels: int, text: str) -> None:
    value: object = text
    for level in range(levels):
        value = [text, value] if level % 2 else {text: value}
    assert code_of(json.dumps(value).encode()) == ("too_deep" if levels > MAX_DEPTH else None)
