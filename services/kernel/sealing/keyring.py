"""Keys as a process needs them: fetched by subject, made for a new one. What the settings say, put together."""

from collections.abc import Iterable
from typing import Protocol

from services.kernel.sealing.keys import KeyRing
from services.kernel.sealing.root import root_key
from services.kernel.sealing.source import VaultSource
from services.kernel.sealing.subject_key import KeyFound
from services.kernel.sealing.wrapping import KeyEncryptionKeys
from services.kernel.service import Service
from services.kernel.settings import Settings


class Keys(Protocol):
    """Where a process gets subjects' keys from."""

    async def get(self, subjects: Iterable[str]) -> dict[str, KeyFound]:
        """Return each subject's key, ERASED or MISSING, with at most one query.

        Raises WrappingKeyWrong, VaultUnavailable, or what the database raises when it does not answer.
        """
        ...

    async def create(self, subjects: Iterable[str]) -> None:
        """Make a key for each subject that has none; the process's role must be allowed to."""
        ...

    def close(self) -> None:
        """Let the vault go."""
        ...


class VaultKeys:
    """Keys from the vault that the settings name. It connects when a key is first asked for."""

    def __init__(self, source: VaultSource, keks: KeyEncryptionKeys) -> None:
        self._source = source
        self._keks = keks
        self._ring = KeyRing(source, keks)

    @classmethod
    async def open(cls, settings: Settings) -> "VaultKeys":
        """Put it together. Raises RootKeyRefused when the settings name no root key."""
        keks = KeyEncryptionKeys(root_key(settings))
        return cls(await VaultSource.open(settings.vault_url.get_secret_value()), keks)

    async def get(self, subjects: Iterable[str]) -> dict[str, KeyFound]:
        """Return keys; see :class:`Keys`."""
        return await self._ring.get(subjects)

    async def create(self, subjects: Iterable[str]) -> None:
        """Make keys; see :class:`Keys`."""
        await self._source.create_keys(self._keks, sorted(set(subjects)))

    def close(self) -> None:
        """Close the pool."""
        self._source.close()


async def open_keys(service: Service, settings: Settings) -> VaultKeys | None:
    """Return the keys of a service that seals, None for another."""
    return None if service.subject is None else await VaultKeys.open(settings)
