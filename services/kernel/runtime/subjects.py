"""Subjects' keys at hand before a transaction begins, so that no lock is held while the vault takes its time."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeVar

from services.kernel.runtime.failures import Stop
from services.kernel.runtime.fold import Aggregate
from services.kernel.runtime.records import Decoded, Poison
from services.kernel.sealing.errors import WrappingKeyWrong
from services.kernel.sealing.keyring import Keys
from services.kernel.sealing.subject_key import KeyFound
from services.kernel.service import Service

T = TypeVar("T")

AtHand = Mapping[str, KeyFound] | None
"""Subjects' keys of one attempt; None: nothing is sealed here."""


class KeysWanted(Exception):
    """A transaction found that it concerns subjects whose keys are not at hand; it is rolled back for them."""

    def __init__(self, subjects: set[str]) -> None:
        super().__init__(f"keys of {len(subjects)} subjects are wanted")
        self.subjects = subjects


async def with_keys(keyring: Keys | None, subjects: Iterable[str], work: Callable[[AtHand], Awaitable[T]]) -> T:
    """Run ``work``, a transaction, with the keys of ``subjects``; and once more with those that it finds it wants.

    They are fetched between transactions; mostly the first time gets them all. Without a keyring ``work`` gets None.
    Raises Stop where keys cannot be opened, and what is transient as it comes.
    """
    wanted = set(subjects)
    while True:
        keys = None if keyring is None else await _fetch(keyring, wanted)
        try:
            return await work(keys)
        except KeysWanted as more:
            wanted |= more.subjects


async def _fetch(keyring: Keys, wanted: set[str]) -> Mapping[str, KeyFound]:
    try:
        return await keyring.get(sorted(wanted))
    except WrappingKeyWrong as error:
        raise Stop(error.code, str(error)) from error


def subjects_of(service: Service, items: Iterable[Decoded | Poison], aggregates: Iterable[Aggregate] = ()) -> set[str]:
    """Return whose keys a batch needs."""
    states = ((a.state, None) for a in aggregates if a.state is not None)
    causes = ((None, i.cause.data) for i in items if isinstance(i, Decoded) and i.cause is not None)
    found = {_subject(service, *one) for one in (*states, *causes)}
    return {subject for subject in found if subject is not None}


def _subject(service: Service, state: Any, data: Any) -> str | None:
    try:
        return service.subject_of(state, data)
    except Exception:  # a bug of one event, not of its batch: the fold meets it again
        return None
