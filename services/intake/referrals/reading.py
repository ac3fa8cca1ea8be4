"""Reads a posted body: the model, or every reason against it at once."""

import json
from datetime import date, datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from services.intake.domain.consent import ConsentsChangedPosted, ConsentsChangedRead, consent_faults
from services.intake.domain.faults import referral_faults
from services.intake.domain.policy import IntakePolicy
from services.intake.domain.posted import ReferralPosted
from services.intake.domain.readable import read_leniently
from services.kernel.decision import Reason, Refused
from services.kernel.http import Principal, Problem
from services.kernel.http.codes import reasons_of

M = TypeVar("M", bound=BaseModel)


def as_sent(value: Any, _: Any) -> Any:
    """Let the document describe a route's model; the body is read here, so that everything is told."""
    return value


def read_referral(body: bytes, *, organisation_kind: str, policy: IntakePolicy, now: datetime) -> ReferralPosted:
    """Return the referral. Raises Refused (422) with all that is wrong: single fields and whole rules."""
    faults = referral_faults(read_leniently(body), organisation_kind=organisation_kind, policy=policy, now=now)
    return told_at_once(*tried(body, ReferralPosted), faults)


def read_allowed(body: bytes, who: Principal, *, policy: IntakePolicy, now: datetime) -> ReferralPosted:
    """Return a referral that its sender may make. Raises as :func:`read_referral`, and Problem 403."""
    posted = read_referral(body, organisation_kind=who.organisation_kind, policy=policy, now=now)
    if posted.programme != who.programme:
        raise Problem(403, "programme_not_allowed", "the token is for another programme")
    return posted


def read_consents(body: bytes, *, organisation_kind: str, referred_on: date, now: datetime) -> ConsentsChangedPosted:
    """Return the consents that changed. Raises Refused (422) with all that is wrong."""
    found = tried(body, ConsentsChangedPosted)
    try:
        seen = ConsentsChangedRead.model_validate_json(body)
    except ValidationError:
        seen = ConsentsChangedRead()
    return told_at_once(
        *found, consent_faults(seen, organisation_kind=organisation_kind, referred_on=referred_on, now=now)
    )


def told_at_once(posted: M | None, reasons: list[Reason], faults: list[Reason]) -> M:
    """Return what was posted. Raises Refused (422) with the errors of fields and of rules, each once."""
    told = {(reason.pointer, reason.code) for reason in reasons}
    reasons += [fault for fault in faults if (fault.pointer, fault.code) not in told]
    if posted is None or reasons:
        raise Refused(*reasons, status=422)
    return posted


def read_strictly(body: bytes, model: type[M]) -> M:
    """Return ``body`` as ``model``. Raises Refused (422) with every error of a field."""
    found, reasons = tried(body, model)
    if found is None:
        raise Refused(*reasons, status=422)
    return found


def tried(body: bytes, model: type[M]) -> tuple[M | None, list[Reason]]:
    """Return ``body`` as ``model``, or every error of a field."""
    try:
        return model.model_validate_json(body), []
    except ValidationError as error:
        return None, reasons_of(error.errors(include_url=False, include_input=False), json.loads(body))
