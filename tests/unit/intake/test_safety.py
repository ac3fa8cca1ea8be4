"""The safety text is heard through every kind of disorder."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.codes import RedFlag
from services.contracts.red_flags import EMERGENCY_ITEMS, URGENT_ITEMS
from services.intake.domain.safety import answer, hear
from tests.unit.intake.referrals import put, referral


def level(body: bytes) -> str | None:
    found = hear(body)
    return None if found is None else found.level.value


@pytest.mark.parametrize("flag", list(RedFlag))
def test_every_red_flag_of_a_proper_referral(flag: RedFlag) -> None:
    said = json.dumps(referral(put("assessment.red_flags", {flag: True}))).encode()
    denied = json.dumps(referral(put("assessment.red_flags", {flag: False}))).encode()
    unasked = json.dumps(referral(put("assessment.red_flags", {flag: None}))).encode()
    expected = "emergency" if flag in EMERGENCY_ITEMS else "urgent" if flag in URGENT_ITEMS else "hold"
    assert (level(said), level(denied), level(unasked)) == (expected, None, None)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"assessment": {"red_flags": {"chest_pain": true}', "emergency"),  # cut off
        (b'{"assessment": {"red_flags": {"chest_pain": true, "chest_pain": false}}}', "emergency"),
        (b'{"assessment": {"red_flags": {"chest_pain": "Yes"}}}', "emergency"),
        (b'{"assessment": {"red_flags": {"chest_pain": 1}}}', "emergency"),
        (b'{"red_flags": {"chest_pain": true}}', "emergency"),
        (b'{"assessment": {"red_flags": {"chest\\u005fpain": true}}}', "emergency"),
        (b'{"x": "\xff", "assessment": {"red_flags": {"chest_pain": true}}}', "emergency"),
        (b'{"x": NaN, "chest_pain": true}', "emergency"),
        (b'{"x": ' + b"9" * 5000 + b', "chest_pain": true}', "emergency"),
        (b'{"chest_pain": true, "x": ' + b"[" * 30000, "emergency"),
        (b"[" * 3000 + b'{"chest_pain": true}' + b"]" * 3000, "emergency"),
        (b'{"a": "\n", "chest_pain": true}', "emergency"),
        (b'{"phq9": {"item9": 1}}', "hold"),
        (b'{"phq9": {"item9": 7}}', "hold"),
        (b'{"phq9": {"item9": "2"}}', "hold"),
        (b'{"phq9": {"item9": true}}', "hold"),
        (b'{"phq9": {"item9": 0}}', None),
        (b'{"phq9": {"item9": null}}', None),
        (b'{"conditions": ["back_pain", 5], "red_flags": {"fever": true}}', "urgent"),
        (b'{"conditions": "back_pain", "red_flags": {"fever": true}}', "urgent"),
        (b'{"conditions": ["cancer"], "red_flags": {"fever": true}}', None),
        (b'{"additional_information": "\\"chest_pain\\": true"}', None),
        (b'{"red_flags": {"chest_pain": "no"}}', None),
        # written otherwise than the contract says
        (b'{"red_flags": ["chest_pain"]}', "emergency"),
        (b'{"red_flags": "chest_pain"}', "emergency"),
        (b'{"redFlags": {"chestPain": true}}', "emergency"),
        (b'{"red_flags": {"Chest-Pain": "true"}}', "emergency"),
        (b'{"red_flags": {"chest_pain": {"value": true}}}', "emergency"),
        (b'{"red_flags": [{"code": "chest_pain", "answer": true}]}', "emergency"),
        (b'{"red_flags": [{"code": "chest_pain", "answer": false, "asked": "2024-11-18"}]}', None),
        (b'{"red_flags": {"chest_pain": "positive"}}', "emergency"),
        (b'{"red_flags": {"chest_pain": 2}}', "emergency"),
        (b'{"phq9": {"Item_9": "+1"}}', "hold"),
        (b'{"phq9_item9": 2}', "hold"),
        (b'{"conditions": ["Back_Pain"], "red_flags": {"fever": true}}', "urgent"),
        (b'{"conditions": {"back_pain": true}, "red_flags": ["fever"]}', "urgent"),
        ('{"red_flags": {"chest_pain": true}}'.encode("utf-16"), "emergency"),
        (b"{'red_flags': {'chest_pain': True}}", "emergency"),
        (b"red_flags.chest_pain=yes&phq9.item9=1", "emergency"),
        (b'{"red_flags": ["fever", "chest_pain",', "emergency"),
        (b'{"phq9": {"item9": true', "hold"),
        (b'{"phq9": {"item9": 0', None),
        (b'{"red_flags": {"chest_pain": "no", "fever": null', None),
        (b'{"additional_information": "chest_pain", "phq9": {"score": 12, "item9": 0}}', None),
        (b"", None),
        (b"null", None),
        (b"\x00\xff", None),
    ],
    ids=lambda v: repr(v)[:60],
)
def test_disorder(body: bytes, expected: str | None) -> None:
    assert level(body) == expected


def test_the_answer_holds_level_and_advice() -> None:
    found = answer(b'{"chest_pain": true}')
    assert found is not None
    assert found["level"] == "emergency"
    assert "999" in found["advice"]
    assert answer(b"{}") is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(json_values, st.sampled_from(sorted(EMERGENCY_ITEMS)), st.lists(st.text(), max_size=5))
def test_a_positive_item_is_heard_wherever_it_stands(noise: Any, flag: str, path: list[str]) -> None:
    body: Any = {"red_flags": {flag: True}, "noise": noise}
    for name in path:
        body = {name: [body, noise]}
    assert level(json.dumps(body).encode()) == "emergency"


@given(st.binary(max_size=300))
def test_any_bytes_are_heard_without_a_fault(body: bytes) -> None:
    hear(body)


LONG = 60_000


@pytest.mark.parametrize(
    "body",
    [b'{"item9":' + b" " * LONG, (b'"item9":' + b" " * 100) * 500, b"red_flags:[" * 5000, b"chest pain = " * 4000],
    ids=["one gap", "many gaps", "lists", "names"],
)
def test_no_body_takes_long_to_hear(body: bytes) -> None:
    """Whoever can send one body could else stop intake for everybody: a gap of 60,000 blanks once took two minutes."""
    before = time.process_time()
    hear(body)
    assert time.process_time() - before < 1
