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
from services.kernel.http.codes import reasons_of

M = TypeVar("M", bound=BaseModel)


def as_sent(value: Any, _: Any) -> Any:
    """Let the document describe a route's model; the body is read here, so that everything is told."""
    return value


def read_referral(body: bytes, *, organisation_kind: str, policy: IntakePolicy, now: datetime) -> ReferralPosted:
    """Return the referral. Raises Refused (422) with all that is wrong: single fields and whole rules."""
    faults = referral_faults(read_leniently(body), organisation_kind=organisation_kind, policy=policy, now=now)
    return _told_at_once(*_read(body, ReferralPosted), faults)


def read_consents(body: bytes, *, organisation_kind: str, referred_on: date, now: datetime) -> ConsentsChangedPosted:
    """Return the consents that changed. Raises Refused (422) with all that is wrong."""
    found = _read(body, ConsentsChangedPosted)
    try:
        seen = ConsentsChangedRead.model_validate_json(body)
    except ValidationError:
        seen = ConsentsChangedRead()
    return _told_at_once(
        *found, consent_faults(seen, organisation_kind=organisation_kind, referred_on=referred_on, now=now)
    )


def _told_at_once(posted: M | None, reasons: list[Reason], faults: list[Reason]) -> M:
    told = {(reason.pointer, reason.code) for reason in reasons}
    reasons += [fault for fault in faults if (fault.pointer, fault.code) not in told]
    if posted is None or reasons:
        raise Refused(*reasons, status=422)
    return posted


def read_strictly(body: bytes, model: type[M]) -> M:
    """Return ``body`` as ``model``. Raises Refused (422) with every error of a field."""
    found, reasons = _read(body, model)
    if found is None:
        raise Refused(*reasons, status=422)
    return found


def _read(body: bytes, model: type[M]) -> tuple[M | None, list[Reason]]:
    try:
        return model.model_validate_json(body), []
    except ValidationError as error:
        return None, reasons_of(error.errors(include_url=False, include_input=False), json.loads(body))
