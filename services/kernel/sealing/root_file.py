"""A root key in a file: for development and for those who mount one from a secret store of their own."""

import base64
import binascii
import os
import stat
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.kernel.sealing.errors import WrappingKeyWrong
from services.kernel.sealing.subject_key import KEY_BYTES

NONCE_BYTES = 12
OTHERS = stat.S_IRWXG | stat.S_IRWXO


class RootKeyRefused(ValueError):
    """A root key that must not be used as it lies there. The message says what to do."""


class FileRootKey:
    """32 bytes, base64, in a file that nobody else can read; read once, when first needed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._cipher: AESGCM | None = None

    @property
    def name(self) -> str:
        """The file; its path holds no secret."""
        return f"file:{self._path}"

    async def wrap(self, plain: bytes, context: str) -> bytes:
        """Encrypt. Raises RootKeyRefused when the file is not as it must be."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._opened().encrypt(nonce, plain, context.encode())

    async def unwrap(self, wrapped: bytes, context: str) -> bytes:
        """Decrypt. Raises WrappingKeyWrong when this is not the key that wrapped it, or the file is refused."""
        try:
            return self._opened().decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], context.encode())
        except RootKeyRefused as refused:
            raise WrappingKeyWrong(str(refused)) from refused
        except (InvalidTag, ValueError):
            raise WrappingKeyWrong(f"{self.name} does not open {context}: it is another key") from None

    def _opened(self) -> AESGCM:
        if self._cipher is None:
            self._cipher = AESGCM(read_key_file(self._path))
        return self._cipher


def read_key_file(path: Path) -> bytes:
    """Return the key in a file. Raises RootKeyRefused, or OSError when the file cannot be read."""
    try:
        opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise RootKeyRefused(f"there is no root key at {path}: 'pathway vault new-root-key {path}' makes one") from None
    with os.fdopen(opened, "rb") as file:
        if not is_private(os.fstat(file.fileno()), os.geteuid(), os.getegid()):
            raise RootKeyRefused(f"{path} may be read by others: chmod 600 {path}")
        text = file.read(KEY_BYTES * 4)
    try:
        secret = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        secret = b""
    if len(secret) != KEY_BYTES:
        raise RootKeyRefused(f"{path} holds something else than {KEY_BYTES} bytes in base64")
    return secret


def is_private(found: os.stat_result, user: int, group: int) -> bool:
    """Tell whether nobody but this process's user can read a file.

    Kubernetes mounts a secret as root's, and lets the pod's own group read it: no other way is there for a pod that is
    not root. So a root's file may be read by the group that such a process runs as, and by nobody else.
    """
    mode = found.st_mode
    mounted = found.st_uid == 0 != user and found.st_gid == group
    allowed = stat.S_IRGRP if mounted else 0
    return stat.S_ISREG(mode) and not mode & OTHERS & ~allowed


def write_key_file(path: Path) -> None:
    """Make a new root key. Raises FileExistsError rather than write over one: everything below it would be lost."""
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(opened, "wb") as file:
        file.write(base64.b64encode(os.urandom(KEY_BYTES)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
