"""What coaching reads of a programme."""

from dataclasses import dataclass

from services.contracts.base import VersionRef
from services.kernel.decision import PolicyMissing, PolicyRef
from services.programmes.book import ProgrammeBook
from services.programmes.model import Support


@dataclass(frozen=True, slots=True)
class Terms:
    """Coaching's section of one programme version."""

    ref: PolicyRef
    support: Support

    @property
    def review_every_weeks(self) -> int:
        """The weeks between two reviews."""
        return self.support.review_every_weeks

    @property
    def outcome_window_days(self) -> int:
        """The days after a plan's close within which an outcome may be confirmed."""
        return self.support.outcome_window_days

    def length_weeks(self, work_status: str) -> int:
        """Return for how many weeks somebody of a work status is supported."""
        return self.support.weeks_for(work_status)


class CoachingPolicy:
    """The terms of every programme version, read once at start. Read-only. ``book``: who may take a person over."""

    def __init__(self, book: ProgrammeBook) -> None:
        self.book = book
        self._terms = {(version.programme, version.version): Terms(version.ref, version.support) for version in book}

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
