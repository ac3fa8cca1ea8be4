"""Keys without a vault: the same for the same subject, every time."""

import hashlib
from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import BaseModel

from services.kernel.sealing.content import Sealed, unlock
from services.kernel.sealing.subject_key import ERASED, MISSING, KeyFound, SubjectKey

M = TypeVar("M", bound=BaseModel)


def key_of(subject: str, *, restricted: bool = False) -> SubjectKey:
    """The key of a subject."""
    secret = hashlib.sha256(subject.encode()).digest()
    return SubjectKey(subject, f"kid-{subject}", secret, restricted=restricted)


class MadeKeys:
    """Everybody has a key, but for those that were erased and those that were lost; some are restricted.

    ``remembers``: what was found once is given again, as a process does for a minute, unless it must be fresh.
    """

    def __init__(self) -> None:
        self.erased: set[str] = set()
        self.lost: set[str] = set()
        self.restricted: set[str] = set()
        self.made: list[str] = []
        self.remembers = False
        self._found: dict[str, KeyFound] = {}

    async def get(self, subjects: Iterable[str], *, fresh: bool = False) -> dict[str, KeyFound]:
        return {subject: self._get(subject, fresh or not self.remembers) for subject in subjects}

    def _get(self, subject: str, fresh: bool) -> KeyFound:
        if fresh or subject not in self._found:
            self._found[subject] = self.key(subject)
        return self._found[subject]

    async def create(self, subjects: Iterable[str]) -> None:
        self.made += subjects

    def close(self) -> None:
        return None

    def key(self, subject: str) -> KeyFound:
        """Return what the vault would."""
        if subject in self.erased:
            return ERASED
        return MISSING if subject in self.lost else key_of(subject, restricted=subject in self.restricted)


def opened(model: type[M], value: bytes | str, subject: str) -> M:
    """Read a model from JSON, with the subject's key beside what it holds sealed."""
    found: list[Sealed[Any]] = []
    read = model.model_validate_json(value, context=found)
    unlock(found, key_of(subject))
    return read
