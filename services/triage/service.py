"""Composition root: the triage service as the kernel runs it."""

from pathlib import Path
from typing import Any

from services.contracts import types
from services.contracts.base import Common
from services.contracts.registry import EVENTS
from services.kernel.service import Service
from services.programmes.reader import FOLDER as PROGRAMMES
from services.programmes.reader import load_book
from services.safety.watch import look_of
from services.triage.domain.decide import ACKNOWLEDGE, decide
from services.triage.domain.policy import TriagePolicy
from services.triage.domain.reissue import reissue
from services.triage.domain.state import TriageState, evolve
from services.triage.holds import with_holds
from services.triage.rulefile import FOLDER as RULES
from services.triage.rulefile import load_rulebook
from services.triage.store import CASES, TASKS, project


def load_policy(programmes_dir: Path | None = None, rules_dir: Path | None = None) -> TriagePolicy:
    """Read programmes and rules. Raises FileRefused, or UnknownRuleset when a programme's rules are missing."""
    return TriagePolicy(load_book(programmes_dir or PROGRAMMES), load_rulebook(rules_dir or RULES))


def subject(found: Any) -> str | None:
    """Return whose key seals a triage: of its state, or of an event that begins one; an acknowledgement begins none."""
    match found:
        case TriageState(decision=decision):
            return decision.person_id
        case Common():
            return found.person_id
    return None


def build(programmes_dir: Path | None = None, rules_dir: Path | None = None) -> Service:
    """Return the service. Nothing is read before its policy is asked for; see :func:`load_policy`."""
    return Service(
        name="triage",
        registry=EVENTS,
        inputs=(types.TOPIC_REFERRAL,),
        output=types.TOPIC_TRIAGE,
        handles=frozenset(
            {
                types.REFERRAL_CREATED,
                types.REFERRAL_ASSESSED,
                types.REFERRAL_CONSENT_CHANGED,
                types.REFERRAL_ELIGIBILITY_DECIDED,
                types.REFERRAL_ELIGIBILITY_CONTESTED,
                types.REFERRAL_CORRECTED,
                types.REFERRAL_WITHDRAWN,
            }
        ),
        state=TriageState,
        decide=decide,
        evolve=evolve,
        policy=lambda: load_policy(programmes_dir, rules_dir),
        project=project,
        tables=(CASES, TASKS),
        derived=(CASES, TASKS),
        reissue=reissue,
        despite_restriction=frozenset({ACKNOWLEDGE}),
        subject=subject,
        look=with_holds(look_of("triage")),
    )
