"""What coaching reads of a programme."""

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

    def __init__(self, book: ProgrammeBook) -> None:
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
