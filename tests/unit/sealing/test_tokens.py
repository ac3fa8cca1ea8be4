"""Tokens: what is sealed opens for its subject and field, and for nothing else."""

import json
from typing import Any

import pytest

from services.kernel.sealing.errors import Fault, SealInvalid
from services.kernel.sealing.subject_key import SubjectKey
from services.kernel.sealing.tokens import (
    MAX_PLAIN_BYTES,
    MAX_TOKEN_CHARS,
    derived_nonce,
    digest,
    open_token,
    plain_bytes,
    seal,
    seal_plain,
    token_header,
)
from tests.unit.sealing.subjects import ADA, BOB, HEADER, SECRET, b64, with_header

EVENT = "8d7e4c1e-0000-5000-8000-000000000001"


def refusal(token: Any, key: SubjectKey = ADA, field: str = "note", subjects: tuple[str, ...] = ("ada",)) -> Fault:
    with pytest.raises(SealInvalid) as refused:
        open_token(token, key, field, subjects)
    return refused.value.code


def test_the_header_says_key_subject_and_field_and_nothing_else() -> None:
    token = seal({"a": 1}, ADA, "note")
    assert token.count(".") == 4
    assert token.split(".")[1] == ""
    header = token_header(token)
    assert (header.kid, header.sub, header.fld) == ("kid-1", "ada", "note")
    assert open_token(token, ADA, "note", {"ada"}) == {"a": 1}


def test_a_token_is_another_each_time_unless_an_event_says_its_nonce() -> None:
    assert seal(1, ADA, "note") != seal(1, ADA, "note")
    again = seal({"b": 1, "a": 2}, ADA, "note", event_id=EVENT)
    assert again == seal({"a": 2, "b": 1}, ADA, "note", event_id=EVENT)
    assert again != seal({"a": 2, "b": 2}, ADA, "note", event_id=EVENT)


def test_a_derived_nonce_depends_on_event_field_content_and_key_without_ambiguity() -> None:
    nonces = {
        derived_nonce(ADA, "ab", "c", b"d"),
        derived_nonce(ADA, "a", "bc", b"d"),
        derived_nonce(ADA, "a", "b", b"cd"),
        derived_nonce(BOB, "ab", "c", b"d"),
        derived_nonce(ADA, "ab", "c", b"e"),
    }
    assert len(nonces) == 5
    assert {len(nonce) for nonce in nonces} == {12}


def test_digests_depend_on_key_and_on_where_a_part_ends() -> None:
    assert digest(ADA, b"ab", b"c") == digest(ADA, b"ab", b"c")
    assert len({digest(ADA, b"ab", b"c"), digest(ADA, b"a", b"bc"), digest(BOB, b"ab", b"c"), digest(ADA, b"abc")}) == 4
    assert ADA.nonce_key != ADA.digest_key != ADA.secret


def test_the_field_is_checked() -> None:
    assert refusal(seal(1, ADA, "note"), field="other") is Fault.FIELD


def test_the_subject_is_checked_and_one_that_was_merged_is_accepted() -> None:
    token = seal(1, ADA, "note")
    assert refusal(token, subjects=("eve",)) is Fault.SUBJECT
    assert open_token(token, ADA, "note", ("eve", "ada")) == 1
    same_key_other_subject = SubjectKey("eve", "kid-1", SECRET)
    assert refusal(token, same_key_other_subject, subjects=("ada", "eve")) is Fault.SUBJECT


def test_the_key_s_id_is_checked() -> None:
    assert refusal(seal(1, ADA, "note"), SubjectKey("ada", "kid-9", SECRET)) is Fault.KEY_ID


def test_another_key_under_the_same_names_does_not_open_it() -> None:
    assert refusal(seal(1, ADA, "note"), SubjectKey("ada", "kid-1", b"x" * 32)) is Fault.FORGED


@pytest.mark.parametrize("part", [0, 2, 3, 4])
def test_any_letter_that_is_changed_is_seen(part: int) -> None:
    parts = seal("what it says", ADA, "note").split(".")
    parts[part] = ("A" if parts[part][0] != "A" else "B") + parts[part][1:]
    assert refusal(".".join(parts)) in {Fault.FORGED, Fault.HEADER}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"alg": "A256KW"}, Fault.ALGORITHM),
        ({"alg": "none"}, Fault.ALGORITHM),
        ({"enc": "A128GCM"}, Fault.ALGORITHM),
        ({"zip": "DEF"}, Fault.HEADER),
        ({"crit": ["x"]}, Fault.HEADER),
        ({"fld": None}, Fault.HEADER),
        ({"kid": 1}, Fault.HEADER),
        ({"sub": ""}, Fault.HEADER),
        ({"sub": "a" * 129}, Fault.HEADER),
        ({"sub": "a\nb"}, Fault.HEADER),
    ],
)
def test_a_header_is_exactly_ours(change: dict[str, Any], fault: Fault) -> None:
    assert refusal(with_header({**HEADER, **change})) is fault


@pytest.mark.parametrize("name", sorted(HEADER))
def test_a_header_lacks_nothing(name: str) -> None:
    others = {("other" if key == name else key): value for key, value in HEADER.items()}
    assert refusal(with_header(others)) is Fault.HEADER
    assert refusal(with_header({key: value for key, value in HEADER.items() if key != name})) is Fault.HEADER


@pytest.mark.parametrize(
    "header",
    [
        "[]",
        "null",
        "{",
        '"text"',
        json.dumps(HEADER)[:-1] + ', "sub": "eve"}',
        json.dumps(list(HEADER.items())),
        "[" * 400,
    ],
)
def test_a_header_that_is_no_object_or_says_a_thing_twice_is_refused(header: str) -> None:
    assert refusal(with_header(header)) is Fault.HEADER


def test_a_header_in_another_order_and_with_spaces_is_read() -> None:
    header = json.dumps(dict(reversed(HEADER.items())), indent=1)
    assert open_token(with_header(header), ADA, "note", ("ada",)) == {}


@pytest.mark.parametrize(
    ("token", "fault"),
    [
        ("", Fault.NOT_COMPACT),
        ("a.b.c", Fault.NOT_COMPACT),
        ("a..b.c.d.e", Fault.NOT_COMPACT),
        (None, Fault.NOT_COMPACT),
        (b"a..b.c.d", Fault.NOT_COMPACT),
        ("." * 4, Fault.HEADER),
        ("a" * 1025 + "..b.c.d", Fault.HEADER),
        ("a..b.c.d", Fault.NONCE),
        ("a" * (MAX_TOKEN_CHARS + 1), Fault.TOO_LARGE),
    ],
)
def test_what_is_no_token_is_refused(token: Any, fault: Fault) -> None:
    assert refusal(token) is fault
    with pytest.raises(SealInvalid):
        token_header(token)


def test_an_encrypted_key_is_refused() -> None:
    parts = seal(1, ADA, "note").split(".")
    parts[1] = "AAAA"
    assert refusal(".".join(parts)) is Fault.NOT_COMPACT


@pytest.mark.parametrize("spoil", [lambda text: text[:-1] + "=", lambda text: text[:-1] + "+", lambda t: t[:-1] + "é"])
def test_base64_is_strict(spoil: Any) -> None:
    parts = seal("abc", ADA, "note").split(".")
    parts[2] = spoil(parts[2])
    assert refusal(".".join(parts)) is Fault.NOT_BASE64URL
    with pytest.raises(SealInvalid):
        token_header(".".join(parts))


def test_stray_bits_at_the_end_of_a_part_are_refused() -> None:
    parts = seal("abc", ADA, "note").split(".")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    parts[4] = parts[4][:-1] + letters[letters.index(parts[4][-1]) + 1]
    assert refusal(".".join(parts)) is Fault.NOT_BASE64URL


@pytest.mark.parametrize("plain", [b"", b"{", b"\xff", b"NaN", b"[1,]", b"[" * 5000])
def test_content_that_is_no_json_is_refused(plain: bytes) -> None:
    assert refusal(seal_plain(plain, ADA, "note")) is Fault.PLAIN


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", {1, 2}, b"x", object()])
def test_what_json_cannot_hold_is_not_sealed(value: Any) -> None:
    with pytest.raises(SealInvalid) as refused:
        seal(value, ADA, "note")
    assert refused.value.code is Fault.PLAIN


def test_the_largest_content_is_sealed_and_opened_and_one_byte_more_is_not() -> None:
    largest = "x" * (MAX_PLAIN_BYTES - 2)
    token = seal(largest, ADA, "note")
    assert len(token) <= MAX_TOKEN_CHARS
    assert open_token(token, ADA, "note", ("ada",)) == largest
    with pytest.raises(SealInvalid) as refused:
        seal(largest + "x", ADA, "note")
    assert refused.value.code is Fault.TOO_LARGE


@pytest.mark.parametrize("field", ["", "a" * 129, "a\0b"])
def test_a_field_without_a_proper_name_is_not_sealed(field: str) -> None:
    with pytest.raises(SealInvalid) as refused:
        seal(1, ADA, field)
    assert refused.value.code is Fault.HEADER


def test_plain_bytes_are_canonical() -> None:
    assert plain_bytes({"b": [1, None, True], "a": "é"}) == '{"a":"é","b":[1,null,true]}'.encode()


def test_neither_key_nor_content_shows_in_messages() -> None:
    assert str(SECRET) not in repr(ADA)
    assert "secret" not in repr(ADA)
    token = with_header({**HEADER, "sub": "marker-subject"}, plain=b'"marker-content"')
    with pytest.raises(SealInvalid) as refused:
        open_token(token, ADA, "note", ("ada",))
    assert "marker" not in str(refused.value)


def test_a_key_of_another_length_is_no_key() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        SubjectKey("ada", "kid-1", b"short")


def test_the_largest_header_fits() -> None:
    long = SubjectKey("s" * 128, "k" * 128, SECRET)
    assert open_token(seal(1, long, "f" * 128), long, "f" * 128, (long.subject,)) == 1
    wide = SubjectKey("é" * 128, "é" * 128, SECRET)
    with pytest.raises(SealInvalid):
        seal(1, wide, "é" * 128)


def test_headers_are_made_once() -> None:
    key = SubjectKey("ada", "kid-1", SECRET)
    made = [open_token(seal(n, key, "note"), key, "note", ("ada",)) for n in range(10)]
    assert made == list(range(10))
    assert list(key.headers) == ["note"]
    assert b64(b"x") == "eA"
