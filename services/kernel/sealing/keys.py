"""The keys that a process holds for a moment: fetched in one query a call, forgotten after 60 seconds.

The vault's tables are described in ``source.py``; :class:`KeySource` is what a key ring needs of them.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from services.kernel.sealing.subject_key import ERASED, MISSING, KeyFound, SubjectKey
from services.kernel.sealing.wrapping import KeyEncryptionKey, KeyEncryptionKeys

MAX_AGE_SECONDS = 60.0
"""So long at most a destroyed key can still be used by a process that fetched it before."""
MAX_HELD = 20_000


@dataclass(slots=True)
class KeyRow:
    """One subject as the vault holds it. ``wrapped`` is None when the key was destroyed.

    ``kek_wrapped`` is the key-encryption key ``kek_id`` as the root key wraps it.
    """

    subject: str
    kid: str
    wrapped: bytes | None = field(repr=False)
    kek_id: str
    kek_wrapped: bytes = field(repr=False)
    survivor: str
    restricted: bool = False


class KeySource(Protocol):
    """Where wrapped keys lie."""

    async def fetch(self, subjects: Sequence[str]) -> Sequence[KeyRow]:
        """Return the rows of those ``subjects`` that exist, in one query.

        Raises VaultUnavailable, or what the database raises, when it does not answer.
        """
        ...


@dataclass(slots=True)
class _Held:
    found: KeyFound
    until: float


class KeyRing:
    """Keys by subject. One a process; safe between tasks of one event loop."""

    def __init__(
        self,
        source: KeySource,
        keks: KeyEncryptionKeys,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        max_age_seconds: float = MAX_AGE_SECONDS,
        max_held: int = MAX_HELD,
    ) -> None:
        if not 0 < max_age_seconds <= MAX_AGE_SECONDS:
            raise ValueError(f"a key is held for at most {MAX_AGE_SECONDS:g} seconds")
        self._source = source
        self._keks = keks
        self._monotonic = monotonic
        self._max_age = max_age_seconds
        self._max_held = max_held
        self._held: OrderedDict[str, _Held] = OrderedDict()

    async def get(self, subjects: Iterable[str], *, fresh: bool = False) -> dict[str, KeyFound]:
        """Return each subject's own key, or ERASED, or MISSING: at most one query, none when all are held.

        ``fresh``: what is held counts for nothing. MISSING is not remembered: the key may be made in the next moment.
        Raises WrappingKeyWrong when a key does not open, and whatever says that vault or root key are out of reach:
        those are transient.
        """
        wanted = dict.fromkeys(subjects)
        now = self._monotonic()
        found: dict[str, KeyFound] = {}
        unknown = []
        for subject in wanted:
            held = self._held.get(subject)
            if held is not None and not fresh and now < held.until:
                found[subject] = held.found
            else:
                unknown.append(subject)
        if unknown:
            found.update(await self._fetch(unknown, now))
        return {subject: found[subject] for subject in wanted}

    async def _fetch(self, subjects: list[str], asked_at: float) -> dict[str, KeyFound]:
        found: dict[str, KeyFound] = dict.fromkeys(subjects, MISSING)
        rows = await self._source.fetch(subjects)
        wrapping = {(row.kek_id, row.kek_wrapped) for row in rows if row.wrapped is not None}
        keks = {(kek_id, wrapped): await self._keks.open(kek_id, wrapped) for kek_id, wrapped in wrapping}
        for row in rows:
            found[row.subject] = _open(row, keks)
        for subject, key in found.items():
            if key is not MISSING:
                self._hold(subject, key, asked_at)
        return found

    def _hold(self, subject: str, found: KeyFound, asked_at: float) -> None:
        """Remember what was found, counted from when it was asked for; what was asked for later stays."""
        until = asked_at + self._max_age
        held = self._held.pop(subject, None)
        self._held[subject] = held if held is not None and held.until > until else _Held(found, until)
        while len(self._held) > self._max_held:
            self._held.popitem(last=False)


def _open(row: KeyRow, keks: Mapping[tuple[str, bytes], KeyEncryptionKey]) -> KeyFound:
    if row.wrapped is None:
        return ERASED
    secret = keks[row.kek_id, row.kek_wrapped].unwrap(row.subject, row.kid, row.wrapped)
    return SubjectKey(row.subject, row.kid, secret, row.survivor, row.restricted)


__all__ = ["ERASED", "MISSING", "KeyFound", "KeyRing", "KeyRow", "KeySource", "SubjectKey"]
