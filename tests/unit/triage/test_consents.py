"""Consents that intake passes on late: the word about the latest day stands."""

from datetime import date

from services.contracts import types
from services.contracts.codes import ConsentKind
from services.contracts.referral import ConsentChange, ReferralConsentChanged
from tests.spec.people import NOW
from tests.unit.triage.test_decide import Triage


def tell(triage: Triage, given: bool, day: int) -> None:
    change = ConsentChange(by="coach-1", consent=ConsentKind.SHARE_WITH_EMPLOYER, given=given, channel=None)
    common = triage.common(occurred_on=date(2024, 12, day))
    data = ReferralConsentChanged(**common, received_at=NOW, change=change)
    [draft] = triage.receive(types.REFERRAL_CONSENT_CHANGED, data)
    assert draft.type == types.TRIAGE_RELAYED, "it is passed on whatever it changes here"


def test_a_late_consent_does_not_undo_its_withdrawal() -> None:
    triage = Triage()
    tell(triage, False, 9)
    tell(triage, True, 5)
    known = triage.decision.consents.share_with_employer
    assert known is not None
    assert (known.given, known.on) == (False, date(2024, 12, 9))
    tell(triage, True, 10)
    triage.assess(barriers=["debt"])
    known = triage.decision.consents.share_with_employer
    assert known is not None
    assert known.given
