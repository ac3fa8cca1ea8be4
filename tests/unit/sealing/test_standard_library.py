"""A JWE library that others use opens what we seal, and we open what it seals."""

import json

import pytest
from jwcrypto import jwe, jwk

from services.kernel.sealing.errors import SealInvalid
from services.kernel.sealing.tokens import open_token, seal
from tests.unit.sealing.subjects import ADA, BOB, HEADER, b64

VALUE = {"urgency": "urgent", "reasons": ["a", "é"], "n": 7}


def key_of(secret: bytes) -> jwk.JWK:
    return jwk.JWK(kty="oct", k=b64(secret))


def test_it_opens_ours() -> None:
    token = jwe.JWE()
    token.deserialize(seal(VALUE, ADA, "note"), key_of(ADA.secret))
    assert json.loads(token.payload) == VALUE
    assert token.jose_header == HEADER


def test_it_refuses_ours_under_another_key_or_header() -> None:
    text = seal(VALUE, ADA, "note")
    with pytest.raises(jwe.InvalidJWEData):
        jwe.JWE().deserialize(text, key_of(BOB.secret))
    parts = text.split(".")
    parts[0] = b64(json.dumps({**HEADER, "sub": "eve"}).encode())
    with pytest.raises(jwe.InvalidJWEData):
        jwe.JWE().deserialize(".".join(parts), key_of(ADA.secret))


def test_we_open_its() -> None:
    token = jwe.JWE(json.dumps(VALUE).encode(), protected=json.dumps(HEADER))
    token.add_recipient(key_of(ADA.secret))
    assert open_token(token.serialize(compact=True), ADA, "note", ("ada",)) == VALUE


def test_we_refuse_its_of_other_algorithms() -> None:
    for alg, enc in (("A256KW", "A256GCM"), ("dir", "A128CBC-HS256")):
        token = jwe.JWE(b"{}", protected=json.dumps({**HEADER, "alg": alg, "enc": enc}))
        token.add_recipient(key_of(ADA.secret))
        with pytest.raises(SealInvalid):
            open_token(token.serialize(compact=True), ADA, "note", ("ada",))
