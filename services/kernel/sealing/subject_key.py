"""The key of one subject, and what stands in its place when there is none."""

import hmac
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32


@dataclass(frozen=True)
class SubjectKey:
    """An AES-256 key of one subject.

    ``survivor`` is the subject that this one was merged into, else itself: two subjects are one when their
    survivors are equal. Every subject keeps its own key, so that what was sealed before a merge still opens, and a
    replay seals the same bytes before and after it. ``restricted``: what is held of the subject is kept and not used,
    but for what the system has begun already. The key itself is in no ``repr``.
    """

    subject: str
    kid: str
    secret: bytes = field(repr=False)
    survivor: str = ""
    restricted: bool = False
    headers: "dict[str, tuple[str, bytes]]" = field(default_factory=dict, init=False, repr=False, compare=False)
    """The headers of this key's tokens by field, each made once; see tokens.py."""

    def __post_init__(self) -> None:
        if len(self.secret) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes")
        if not self.survivor:
            object.__setattr__(self, "survivor", self.subject)

    @cached_property
    def cipher(self) -> AESGCM:
        """The cipher, made once a key."""
        return AESGCM(self.secret)

    @cached_property
    def nonce_key(self) -> bytes:
        """The subkey from which nonces are derived."""
        return self._subkey(b"nonce")

    @cached_property
    def digest_key(self) -> bytes:
        """The subkey under which content is digested."""
        return self._subkey(b"digest")

    def _subkey(self, label: bytes) -> bytes:
        """HKDF-Expand (RFC 5869), one block: the key is uniform already, so there is nothing to extract."""
        return hmac.digest(self.secret, b"pathway sealing " + label + b"\x01", "sha256")


class Absent(Enum):
    """Why there is no key."""

    ERASED = "erased"
    MISSING = "missing"


ERASED: Final = Absent.ERASED
"""The key was destroyed: what it sealed is gone for good. An outcome of the domain, never a failure."""
MISSING: Final = Absent.MISSING
"""The vault has never heard of the subject."""

KeyFound = SubjectKey | Absent
