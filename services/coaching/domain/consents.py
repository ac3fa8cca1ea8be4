"""The consents of a plan as facts over time: what both an employer conversation and a page to print rest on."""

from collections.abc import Sequence
from datetime import datetime

from services.coaching.domain.plan import Plan
from services.contracts.consent import ConsentFact, ConsentHistory, first_words


def history(plan: Plan, now: datetime, known: Sequence[ConsentFact] = ()) -> ConsentHistory:
    """Return what is known of a plan's consents: the latest word on each, and ``known`` earlier ones.

    A plan holds the latest word only: after a withdrawal nothing earlier is allowed, unless it is among ``known``.
    """
    consents = plan.plan.consents
    words = [] if consents is None else first_words(consents, plan.referred_on, now, plan.referral_id)
    return ConsentHistory.of(plan.referral_id, [*words, *known])
