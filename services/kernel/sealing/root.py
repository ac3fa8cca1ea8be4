"""Which root key a process uses: ``file:<path>`` or ``aws-kms:<key id, ARN or alias>``.

Several, with spaces between, while keys move from one to another: the first wraps, each may unwrap.
"""

from collections.abc import Sequence
from pathlib import Path

from services.kernel.sealing.errors import WrappingKeyWrong
from services.kernel.sealing.root_aws import AwsKmsRootKey, require_botocore
from services.kernel.sealing.root_file import FileRootKey, RootKeyRefused, read_key_file
from services.kernel.sealing.wrapping import RootKey
from services.kernel.settings import Settings


def root_key(settings: Settings, name: str = "") -> RootKey:
    """Return the root key that the settings, or ``name``, say. Nothing is read or asked before it is used.

    Raises RootKeyRefused for a name that is none.
    """
    keys = [_one(settings, word) for word in (name or settings.root_key).split()]
    if not keys:
        raise RootKeyRefused("set PATHWAY_ROOT_KEY to file:<path> or aws-kms:<key id>")
    return keys[0] if len(keys) == 1 else RootKeys(keys)


def check_root_key(settings: Settings) -> None:
    """Look at the root key as far as it lies on this machine, so that a process can say at its start what is wrong.

    Raises RootKeyRefused for what :func:`root_key` refuses and for a file that cannot be read or used. A key service
    is not asked: it may come up later.
    """
    root_key(settings)
    for word in settings.root_key.split():
        kind, _, where = word.partition(":")
        if kind == "file":
            try:
                read_key_file(Path(where))
            except OSError as error:
                raise RootKeyRefused(f"the root key at {where} cannot be read: {error.strerror}") from error


class RootKeys:
    """Several root keys: the first wraps; whichever opens it unwraps."""

    def __init__(self, keys: Sequence[RootKey]) -> None:
        self._keys = keys

    @property
    def name(self) -> str:
        """The one that wraps."""
        return self._keys[0].name

    async def wrap(self, plain: bytes, context: str) -> bytes:
        """Encrypt under the first."""
        return await self._keys[0].wrap(plain, context)

    async def unwrap(self, wrapped: bytes, context: str) -> bytes:
        """Decrypt under the first that fits. Raises WrappingKeyWrong when none does."""
        for key in self._keys:
            try:
                return await key.unwrap(wrapped, context)
            except WrappingKeyWrong:
                continue
        raise WrappingKeyWrong(f"none of {', '.join(key.name for key in self._keys)} opens {context}")


def _one(settings: Settings, name: str) -> RootKey:
    kind, _, where = name.partition(":")
    if not where:
        raise RootKeyRefused(f"{name!r} is no root key: write file:<path> or aws-kms:<key id>")
    match kind:
        case "file":
            return FileRootKey(Path(where))
        case "aws-kms":
            require_botocore()
            return AwsKmsRootKey(where, region=settings.kms_region, endpoint=settings.kms_endpoint)
        case _:
            raise RootKeyRefused(f"{kind!r} is no kind of root key: file:<path> or aws-kms:<key id>")
