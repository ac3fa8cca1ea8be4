"""What coaching reads of a programme, and the key under which notes are digested."""

import hashlib
import hmac
from dataclasses import dataclass

from services.contracts.base import VersionRef
from services.kernel.decision import PolicyMissing, PolicyRef
from services.programmes.book import ProgrammeBook


@dataclass(frozen=True, slots=True)
class Terms:
    """Coaching's section of one programme version."""

    ref: PolicyRef
    length_weeks: int
    review_every_weeks: int
    outcome_window_days: int


class CoachingPolicy:
    """The terms of every programme version, read once at start. Read-only."""

    def __init__(self, book: ProgrammeBook, note_key: bytes) -> None:
        self._note_key = note_key
        self._terms = {
            (version.programme, version.version): Terms(
                version.ref,
                version.support.length_weeks,
                version.support.review_every_weeks,
                version.support.outcome_window_days,
            )
            for version in book
        }

    def terms(self, programme: VersionRef) -> Terms:
        """Return the terms under which a referral runs: those of the version that it was accepted under.

        Raises PolicyMissing when the file is not there: deciding by another version would be wrong.
        """
        found = self._terms.get((programme.id, programme.version))
        if found is None:
            raise PolicyMissing(
                f"programme {programme.id} {programme.version} has no file here; add it and start again"
            )
        return found

    def note_digest(self, person_id: str, note: str) -> str:
        """Return the HMAC-SHA-256 of a note, hexadecimal, bound to its person.

        It is made under one development key until people have keys of their own.
        """
        return hmac.new(self._note_key, f"{person_id}\0{note}".encode(), hashlib.sha256).hexdigest()
