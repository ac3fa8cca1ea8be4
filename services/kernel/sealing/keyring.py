"""Keys as a process needs them: fetched by subject, made for a new one. What the settings say, put together."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Final, Protocol

import structlog

from services.kernel.runtime.failures import DATABASE_ERRORS
from services.kernel.sealing.errors import VaultUnavailable
from services.kernel.sealing.keys import KeyRing
from services.kernel.sealing.root import root_key
from services.kernel.sealing.source import VaultSource
from services.kernel.sealing.subject_key import KeyFound
from services.kernel.sealing.wrapping import KeyEncryptionKeys
from services.kernel.service import Service
from services.kernel.settings import Settings

log = structlog.get_logger()

WAIT_SECONDS: Final = 5.0
"""So long a process waits for the vault: a command holds a connection meanwhile, though no aggregate."""


class Keys(Protocol):
    """Where a process gets subjects' keys from."""

    async def get(self, subjects: Iterable[str], *, fresh: bool = False) -> dict[str, KeyFound]:
        """Return each subject's key, ERASED or MISSING, with at most one query. ``fresh``: nothing of what is held.

        Raises VaultUnavailable, which may pass, and WrappingKeyWrong, which does not.
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

    async def get(self, subjects: Iterable[str], *, fresh: bool = False) -> dict[str, KeyFound]:
        """Return keys; see :class:`Keys`."""
        async with _vault():
            return await self._ring.get(subjects, fresh=fresh)

    async def create(self, subjects: Iterable[str]) -> None:
        """Make keys; see :class:`Keys`."""
        async with _vault():
            await self._source.create_keys(self._keks, sorted(set(subjects)))

    def close(self) -> None:
        """Close the pool."""
        self._source.close()


@asynccontextmanager
async def _vault() -> AsyncIterator[None]:
    """Say of every failure that it was the vault's, not that of the database of whoever asks; and that it may pass.

    Whatever a vault answers with that is down, just being put back or not migrated yet, its keys come back with it.
    """
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            yield
    except VaultUnavailable:
        raise
    except (OSError, *DATABASE_ERRORS) as error:
        log.warning("vault_fails", error=type(error).__name__, sqlstate=getattr(error, "sqlstate", None))
        raise VaultUnavailable(f"the vault or its root key does not answer: {type(error).__name__}") from error


async def open_keys(service: Service, settings: Settings) -> VaultKeys | None:
    """Return the keys of a service that seals, None for another."""
    return None if service.subject is None else await VaultKeys.open(settings)
