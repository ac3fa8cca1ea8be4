"""A decision told to a reader: which view is made follows from who they are."""

from typing import assert_never

from services.triage.domain.policy import TriagePolicy
from services.triage.domain.state import TriageState
from services.triage.explanation.coach import CoachExplanation, coach_explanation
from services.triage.explanation.participant import ParticipantExplanation, participant_explanation
from services.triage.explanation.readers import CoachReader, ParticipantReader, Reader, ReferrerReader
from services.triage.explanation.referrer import ReferrerExplanation, referrer_explanation
from services.triage.explanation.source import source_of

Explanation = CoachExplanation | ReferrerExplanation | ParticipantExplanation


def tell(reader: Reader, state: TriageState, policy: TriagePolicy) -> Explanation:
    """Return the explanation of a referral's current decision; see :func:`source_of` for what must be unlocked."""
    source = source_of(state, policy)
    match reader:
        case CoachReader():
            return coach_explanation(reader, source)
        case ReferrerReader():
            return referrer_explanation(reader, source)
        case ParticipantReader():
            return participant_explanation(reader, source)
    assert_never(reader)
