"""A decision of triage, read back as the engine is asked about it: the event holds all that it was decided on."""

from collections.abc import Iterable, Mapping
from typing import Any

from services.contracts.triage import TriageCompleted
from services.kernel.decision import PolicyMissing
from services.kernel.sealing.content import ContentErased, KeyMissing, Sealed, is_restricted, unlock
from services.kernel.sealing.errors import SealInvalid
from services.kernel.sealing.subject_key import KeyFound
from services.triage.domain.facts import facts_of
from services.triage.domain.policy import TriagePolicy
from services.triage.trying.known import Known, Left, LeftOut


def known_of(
    name: str,
    decision: TriageCompleted,
    sealed: Iterable[Sealed[Any]],
    key: KeyFound | None,
    ruleset: str,
    policy: TriagePolicy,
    groups: Mapping[str, str],
) -> Known:
    """Return what a decision was made on. ``sealed`` is what it holds sealed, ``key`` the person's.

    Raises LeftOut for one of another rule set, and where what is sealed may not be read, or cannot be.
    """
    parameters = _parameters(decision, ruleset, policy)
    if is_restricted(key):
        raise LeftOut(Left.RESTRICTED)
    unlock(sealed, key)
    try:
        found = decision.sealed.findings.content
        answers = None if decision.sealed.assessment is None else decision.sealed.assessment.content
    except ContentErased:
        raise LeftOut(Left.ERASED) from None
    except (KeyMissing, SealInvalid):
        raise LeftOut(Left.NO_KEY) from None
    return Known(
        name=name,
        facts=facts_of(decision, decision.facts, decision.asks, answers, decision.occurred_on),
        awaits=found.awaits,
        acknowledged=found.acknowledged,
        answers=answers,
        parameters=parameters,
        groups=groups,
    )


def _parameters(decision: TriageCompleted, ruleset: str, policy: TriagePolicy) -> Mapping[str, Any]:
    try:
        engine = policy.engine(decision.programme.id, decision.referred_on, decision.locality)
    except PolicyMissing:
        raise LeftOut(Left.NO_PROGRAMME) from None
    if engine.rules.ruleset != ruleset:
        raise LeftOut(Left.OTHER_RULES)
    return engine.parameters


def common_groups(decision: TriageCompleted) -> dict[str, object]:
    """Return the values that a decision itself can be counted by."""
    return {
        "programme": decision.programme.id,
        "area": decision.area_code,
        "locality": decision.locality,
        "route": decision.route,
        "age_band": decision.age_band,
        "work_status": decision.work.status,
        "attendance": decision.work.attendance,
    }
