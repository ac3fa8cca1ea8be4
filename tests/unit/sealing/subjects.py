"""Keys and tokens to test on."""

import asyncio
import base64
import json
from collections.abc import Iterable, Sequence

from services.kernel.sealing.keys import KeyRow
from services.kernel.sealing.subject_key import SubjectKey
from services.kernel.sealing.wrapping import KeyEncryptionKey as Kek
from services.kernel.sealing.wrapping import KeyEncryptionKeys, kek_context

SECRET = bytes(range(32))
ADA = SubjectKey("ada", "kid-1", SECRET)
BOB = SubjectKey("bob", "kid-2", bytes(reversed(SECRET)))
HEADER = {"alg": "dir", "enc": "A256GCM", "kid": "kid-1", "sub": "ada", "fld": "note"}


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def with_header(header: object, key: SubjectKey = ADA, plain: bytes = b"{}") -> str:
    """A token that is right in all but its header, sealed under ``key``."""
    text = header if isinstance(header, str) else json.dumps(header)
    encoded = b64(text.encode())
    sealed = key.cipher.encrypt(b"n" * 12, plain, encoded.encode())
    return ".".join((encoded, "", b64(b"n" * 12), b64(sealed[:-16]), b64(sealed[-16:])))


class PlainRoot:
    """A root key that hides nothing; counts how often it is asked."""

    name = "plain:"

    def __init__(self) -> None:
        self.asked = 0

    async def wrap(self, plain: bytes, context: str) -> bytes:
        return context.encode() + b"|" + plain

    async def unwrap(self, wrapped: bytes, context: str) -> bytes:
        self.asked += 1
        await asyncio.sleep(0)  # others get their turn, as while a key service is asked
        assert wrapped.startswith(context.encode() + b"|")
        return wrapped.removeprefix(context.encode() + b"|")


KEK_SECRET = b"k" * 32
KEK_WRAPPED = kek_context("kek-1").encode() + b"|" + KEK_SECRET


def row(key: SubjectKey, *, erased: bool = False, survivor: str = "") -> KeyRow:
    wrapped = None if erased else Kek.of("kek-1", KEK_SECRET).wrap(key.subject, key.kid, key.secret)
    return KeyRow(key.subject, key.kid, wrapped, "kek-1", KEK_WRAPPED, survivor or key.subject)


class Rows:
    """A vault of some rows; remembers what was asked."""

    def __init__(self, rows: Iterable[KeyRow]) -> None:
        self.rows = {one.subject: one for one in rows}
        self.asked: list[list[str]] = []

    async def fetch(self, subjects: Sequence[str]) -> Sequence[KeyRow]:
        self.asked.append(list(subjects))
        return [self.rows[subject] for subject in subjects if subject in self.rows]


def keks(root: PlainRoot | None = None) -> KeyEncryptionKeys:
    return KeyEncryptionKeys(root or PlainRoot())
