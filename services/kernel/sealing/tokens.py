"""Sealed content: one JWE compact string (RFC 7516, ``dir``, ``A256GCM``) a value.

The protected header names the key (``kid``), the subject (``sub``) and the field (``fld``) that the value belongs to:
compact JWE authenticates nothing else, so a token that is copied to another subject or field would pass without them.
Made by hand, because a JWE library costs fifteen times as much on the hot path; a test holds both equal.
"""

import binascii
import hmac
import json
import os
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidTag

from services.kernel.sealing.errors import Fault, SealInvalid
from services.kernel.sealing.subject_key import SubjectKey

MAX_PLAIN_BYTES = 32 * 1024
MAX_NAME_CHARS = 128
"""Of a key id, a subject and a field each."""
MAX_HEADER_CHARS = 1024
NONCE_BYTES = 12
TAG_BYTES = 16
NONCE_CHARS = 16
TAG_CHARS = 22
MAX_TOKEN_CHARS = MAX_HEADER_CHARS + NONCE_CHARS + (MAX_PLAIN_BYTES * 4 + 2) // 3 + TAG_CHARS + 4
ALGORITHM = "dir"
ENCRYPTION = "A256GCM"
PARTS = 5
_NAMES = frozenset({"alg", "enc", "kid", "sub", "fld"})
_SEEN = 8192
_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_+/=", b"+/\0\0\0")
_PADDING = (b"", b"=", b"==", b"=")
_LAST = ("", "", "AQgw", "AEIMQUYcgkosw048")
"""The letters that can end a part of so many letters over four: those without stray bits."""


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


# made once: json.loads and json.dumps build one a call when they are given options
_decode_json = json.JSONDecoder(parse_constant=_no_constant).decode
_encode_json = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, sort_keys=True, separators=(",", ":")
).encode
_quoted = json.encoder.encode_basestring


@dataclass(frozen=True, slots=True)
class TokenHeader:
    """What a token says of itself, before its key proves it."""

    kid: str
    sub: str
    fld: str


def plain_bytes(value: Any) -> bytes:
    """Return a JSON value as its canonical bytes: sorted names, no spaces, UTF-8.

    Raises SealInvalid for what JSON or UTF-8 cannot hold (NaN, a lone surrogate).
    """
    try:
        plain = _encode_json(value).encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise SealInvalid(Fault.PLAIN, f"no JSON value: {type(error).__name__}") from None
    return plain


def seal(value: Any, key: SubjectKey, field: str, *, event_id: str | None = None) -> str:
    """Return ``value`` sealed for ``key``'s subject and for ``field``.

    The nonce is random, or, with ``event_id``, derived, so that a replay of that event gives the same bytes.
    """
    plain = plain_bytes(value)
    return seal_plain(plain, key, field, None if event_id is None else derived_nonce(key, event_id, field, plain))


def seal_plain(plain: bytes, key: SubjectKey, field: str, nonce: bytes | None = None) -> str:
    """Seal canonical bytes; ``nonce`` (12 bytes) is random by default and may serve one plain text only.

    Raises SealInvalid above 32 KiB: no reader would take it.
    """
    if len(plain) > MAX_PLAIN_BYTES:
        raise SealInvalid(Fault.TOO_LARGE, f"{len(plain)} bytes; at most {MAX_PLAIN_BYTES}")
    if nonce is None:
        nonce = os.urandom(NONCE_BYTES)
    start, header = _header(key, field)
    sealed = key.cipher.encrypt(nonce, plain, header)
    parts = (_to_base64(nonce), _to_base64(sealed[:-TAG_BYTES]), _to_base64(sealed[-TAG_BYTES:]))
    return start + b".".join(parts).decode("ascii")


def open_token(token: str, key: SubjectKey, field: str, subjects: Collection[str]) -> Any:
    """Return the value that was sealed in ``token`` for ``field`` and one of ``subjects``.

    ``subjects`` are the ids that are this subject: a token keeps the id that it was sealed under when that is merged
    into another. Raises SealInvalid when anything in it is not as it must be.
    """
    plain = open_plain(token, key, field, subjects)
    try:
        return _decode_json(plain.decode("utf-8"))
    except (ValueError, RecursionError):
        raise SealInvalid(Fault.PLAIN, "the content is no JSON") from None


def open_plain(token: str, key: SubjectKey, field: str, subjects: Collection[str]) -> bytes:
    """Return the bytes that were sealed; else like :func:`open_token`."""
    encoded, nonce, sealed, tag = _split(token)
    if not token.startswith(_header(key, field)[0]):
        check_header(token, field, key.subject)
        if _read_header(encoded).kid != key.kid:
            raise SealInvalid(Fault.KEY_ID, "the token was sealed under another key")
    if key.subject not in subjects:
        raise SealInvalid(Fault.SUBJECT, "the token belongs to another subject")
    try:
        return key.cipher.decrypt(_from_base64(nonce), _from_base64(sealed) + _from_base64(tag), encoded.encode())
    except InvalidTag:
        raise SealInvalid(Fault.FORGED, "the token was changed, or its key is another") from None


def check_header(token: str, field: str, subject: str | None, key: SubjectKey | None = None) -> None:
    """Raise SealInvalid unless a token says of itself that it is this field of this subject (None: of anybody).

    For who passes it on without opening it; that it tells the truth is seen by whoever does. With the subject's
    ``key`` at hand a token of ours need not be read for it.
    """
    if key is not None and key.subject == subject and token.startswith(_header(key, field)[0]):
        return
    header = _read_header(_split(token)[0])
    if header.fld != field:
        raise SealInvalid(Fault.FIELD, f"the token belongs to another field than {field}")
    if subject is not None and header.sub != subject:
        raise SealInvalid(Fault.SUBJECT, "the token belongs to another subject")


def token_header(token: str) -> TokenHeader:
    """Return what a token says of itself, so that keys can be fetched at once; it proves nothing.

    Raises SealInvalid unless the token has the form of one: algorithms, exact header, sizes, base64url.
    """
    encoded, nonce, sealed, tag = _split(token)
    header = _read_header(encoded)
    for part in (nonce, sealed, tag):
        _from_base64(part)
    return header


def derived_nonce(key: SubjectKey, event_id: str, field: str, plain: bytes) -> bytes:
    """Return the nonce of a value that follows from an event: 96 bits that differ when anything differs."""
    return hmac.digest(key.nonce_key, _framed(event_id.encode(), field.encode(), plain), "sha256")[:NONCE_BYTES]


def digest(key: SubjectKey, *parts: bytes) -> str:
    """Return a digest (hex) of content that nobody can guess without the subject's key: HMAC-SHA-256."""
    return hmac.digest(key.digest_key, _framed(*parts), "sha256").hex()


def _framed(*parts: bytes) -> bytes:
    """Join parts so that no two lists give the same bytes: each after its length."""
    return b"".join([piece for part in parts for piece in (len(part).to_bytes(8, "big"), part)])


def _header(key: SubjectKey, field: str) -> tuple[str, bytes]:
    """Return how every token of a key and a field begins, as we make it: up to its nonce, and its header alone."""
    made = key.headers.get(field)
    if made is None:
        if not key.headers:  # a key's own names are looked at once
            _check_name("kid", key.kid)
            _check_name("sub", key.subject)
        _check_name("fld", field)
        encoded = _new_header(key.kid, key.subject, field)
        made = key.headers[field] = (f"{encoded.decode('ascii')}..", encoded)
    return made


def _new_header(kid: str, subject: str, field: str) -> bytes:
    names = f'"kid":{_quoted(kid)},"sub":{_quoted(subject)},"fld":{_quoted(field)}'
    encoded = _to_base64(f'{{"alg":"{ALGORITHM}","enc":"{ENCRYPTION}",{names}}}'.encode())
    if len(encoded) > MAX_HEADER_CHARS:
        raise SealInvalid(Fault.HEADER, f"the header has {len(encoded)} characters; at most {MAX_HEADER_CHARS}")
    return encoded


def _check_name(name: str, value: Any) -> None:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME_CHARS or not value.isprintable():
        raise SealInvalid(Fault.HEADER, f"{name} is no name of at most {MAX_NAME_CHARS} characters")


def _split(token: str) -> tuple[str, str, str, str]:
    if not isinstance(token, str):
        raise SealInvalid(Fault.NOT_COMPACT, "a token is a string")
    if len(token) > MAX_TOKEN_CHARS:
        raise SealInvalid(Fault.TOO_LARGE, f"{len(token)} characters; at most {MAX_TOKEN_CHARS}")
    parts = token.split(".")
    if len(parts) != PARTS or parts[1]:
        raise SealInvalid(Fault.NOT_COMPACT, "a token has five parts, and its second, an encrypted key, is empty")
    header, _, nonce, sealed, tag = parts
    if not header or len(header) > MAX_HEADER_CHARS:
        raise SealInvalid(Fault.HEADER, f"a header has 1 to {MAX_HEADER_CHARS} characters")
    if len(nonce) != NONCE_CHARS or len(tag) != TAG_CHARS:
        raise SealInvalid(Fault.NONCE, "the nonce has 96 bits and the tag 128")
    return header, nonce, sealed, tag


@lru_cache(maxsize=_SEEN)
def _read_header(encoded: str) -> TokenHeader:
    try:
        pairs = json.loads(_from_base64(encoded).decode("utf-8"), object_pairs_hook=tuple)
    except SealInvalid:
        raise
    except (ValueError, RecursionError):
        raise SealInvalid(Fault.HEADER, "the header is no JSON") from None
    # a name that stands twice means one thing to us and another to the next reader
    if not isinstance(pairs, tuple) or len(pairs) != len(_NAMES) or {name for name, _ in pairs} != _NAMES:
        raise SealInvalid(Fault.HEADER, f"a header has exactly {', '.join(sorted(_NAMES))}")
    found = dict(pairs)
    if found["alg"] != ALGORITHM or found["enc"] != ENCRYPTION:
        raise SealInvalid(Fault.ALGORITHM, f"only {ALGORITHM} with {ENCRYPTION} is accepted")
    for name in ("kid", "sub", "fld"):
        _check_name(name, found[name])
    return TokenHeader(found["kid"], found["sub"], found["fld"])


def _to_base64(raw: bytes) -> bytes:
    return binascii.b2a_base64(raw, newline=False).translate(_TO_URL, b"=")


def _from_base64(text: str) -> bytes:
    """Decode strictly: other letters, padding and stray bits at the end are refused, as they encode otherwise."""
    left = len(text) % 4
    try:
        raw = binascii.a2b_base64(text.encode("ascii").translate(_FROM_URL) + _PADDING[left], strict_mode=True)
    except ValueError:
        raise SealInvalid(Fault.NOT_BASE64URL, "a part is no base64url") from None
    if left and text[-1] not in _LAST[left]:
        raise SealInvalid(Fault.NOT_BASE64URL, "a part is no strict base64url")
    return raw
