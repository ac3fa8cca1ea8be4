"""Three keys in a row: a root key wraps key-encryption keys, those wrap the subjects' keys.

The root key lies outside the database (a file in development, a cloud's key service in production) and is asked once
a key-encryption key and process, not once a subject.
"""

import asyncio
import hmac
import os
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.kernel.sealing.errors import WrappingKeyWrong
from services.kernel.sealing.subject_key import KEY_BYTES

NONCE_BYTES: Final = 12
WRAPPED_BYTES: Final = NONCE_BYTES + KEY_BYTES + 16
"""A wrapped subject key: nonce, ciphertext, tag."""
_MOST_KEKS = 64


class RootKey(Protocol):
    """What wraps key-encryption keys. ``context`` is authenticated, not secret.

    Both raise OSError or TimeoutError (transient) when the key is out of reach, and WrappingKeyWrong when it is not
    the right one or may not be used.
    """

    @property
    def name(self) -> str:
        """Which root key it is, as the vault notes it beside what it wrapped; holds no secret."""
        ...

    async def wrap(self, plain: bytes, context: str) -> bytes:
        """Return ``plain`` encrypted."""
        ...

    async def unwrap(self, wrapped: bytes, context: str) -> bytes:
        """Return what was wrapped under the same context."""
        ...


@dataclass(frozen=True, slots=True)
class KeyEncryptionKey:
    """An opened key-encryption key. Its secret is in no ``repr``."""

    id: str
    cipher: AESGCM

    @classmethod
    def of(cls, kek_id: str, secret: bytes) -> "KeyEncryptionKey":
        """Take 32 bytes. Raises WrappingKeyWrong for another length."""
        if len(secret) != KEY_BYTES:
            raise WrappingKeyWrong(f"key-encryption key {kek_id} opens to something else than {KEY_BYTES} bytes")
        return cls(kek_id, AESGCM(secret))

    def wrap(self, subject: str, kid: str, secret: bytes) -> bytes:
        """Return a subject's key encrypted, bound to its subject and its id."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self.cipher.encrypt(nonce, secret, _bound(subject, kid))

    def unwrap(self, subject: str, kid: str, wrapped: bytes) -> bytes:
        """Return a subject's key. Raises WrappingKeyWrong when it is not what was wrapped for that subject."""
        try:
            if len(wrapped) != WRAPPED_BYTES:
                raise InvalidTag
            return self.cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _bound(subject, kid))
        except InvalidTag:
            raise WrappingKeyWrong(f"key {kid} does not open under key-encryption key {self.id}") from None


def _bound(subject: str, kid: str) -> bytes:
    """What a wrapped key is authenticated with; each part after its length, so that no two pairs are alike."""
    first, second = subject.encode(), kid.encode()
    return len(first).to_bytes(4, "big") + first + len(second).to_bytes(4, "big") + second


def kek_context(kek_id: str) -> str:
    """What a key-encryption key is bound to when the root key wraps it."""
    return f"pathway-kek:{kek_id}"


async def new_kek(root: RootKey, kek_id: str) -> tuple[KeyEncryptionKey, bytes]:
    """Make a key-encryption key; return it opened, and wrapped by the root key. Raises what :func:`_wrap` raises."""
    secret = secrets.token_bytes(KEY_BYTES)
    return KeyEncryptionKey.of(kek_id, secret), await _wrap(root, kek_id, secret)


async def rewrap_kek(old: RootKey, new: RootKey, kek_id: str, wrapped: bytes) -> bytes:
    """Return a key-encryption key wrapped by another root key; the subjects' keys stay as they are."""
    return await _wrap(new, kek_id, await old.unwrap(wrapped, kek_context(kek_id)))


async def _wrap(root: RootKey, kek_id: str, secret: bytes) -> bytes:
    """Wrap, and see that the root key opens it again: what is returned may become the only copy there is.

    Raises WrappingKeyWrong where it does not, for example for a grant to encrypt and not to decrypt.
    """
    context = kek_context(kek_id)
    wrapped = await root.wrap(secret, context)
    if not hmac.compare_digest(await root.unwrap(wrapped, context), secret):
        raise WrappingKeyWrong(f"{root.name} opens key-encryption key {kek_id} to something else than it wrapped")
    return wrapped


class KeyEncryptionKeys:
    """Opened key-encryption keys of a process: the root key is asked once for each."""

    def __init__(self, root: RootKey) -> None:
        self._root = root
        self._open: OrderedDict[tuple[str, bytes], KeyEncryptionKey] = OrderedDict()
        self._lock: asyncio.Lock = asyncio.Lock()

    async def open(self, kek_id: str, wrapped: bytes) -> KeyEncryptionKey:
        """Return a key-encryption key. Raises WrappingKeyWrong, or what the root key raises out of reach."""
        found = self._open.get((kek_id, wrapped))
        if found is not None:
            return found
        async with self._lock:  # many tasks that start at once would each ask
            found = self._open.get((kek_id, wrapped))
            if found is None:
                secret = await self._root.unwrap(wrapped, kek_context(kek_id))
                found = self._open[kek_id, wrapped] = KeyEncryptionKey.of(kek_id, secret)
                while len(self._open) > _MOST_KEKS:
                    self._open.popitem(last=False)
        return found


def new_secret() -> bytes:
    """Return a fresh key for a subject."""
    return secrets.token_bytes(KEY_BYTES)
