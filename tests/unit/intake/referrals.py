"""Referrals to try: the worked example, changed in one place or another."""

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

from services.intake.domain.policy import IntakePolicy
from services.intake.referrals.examples import GP_REFERRAL
from services.intake.referrals.reading import read_referral
from services.intake.service import build
from services.kernel.decision import Refused

UNPROCESSABLE = 422
NOW = datetime(2024, 12, 2, 12, 0, tzinfo=UTC)
Change = Callable[[dict[str, Any]], object]


@cache
def policy() -> IntakePolicy:
    made: IntakePolicy = build().policy()
    return made


def referral(*changes: Change, **fields: Any) -> dict[str, Any]:
    body = copy.deepcopy(GP_REFERRAL)
    body.update(fields)
    for change in changes:
        change(body)
    return body


def put(path: str, value: Any) -> Change:
    """Return a change that sets the value at a dotted path."""
    *parents, last = path.split(".")

    def change(body: dict[str, Any]) -> None:
        for name in parents:
            body = body[name]
        body[last] = value

    return change


def drop(path: str) -> Change:
    *parents, last = path.split(".")

    def change(body: dict[str, Any]) -> None:
        for name in parents:
            body = body[name]
        del body[last]

    return change


def faults(body: object, kind: str = "nhs", now: datetime = NOW) -> set[tuple[str, str]]:
    """Return (code, pointer) of everything that is wrong with a body."""
    try:
        read_referral(json.dumps(body).encode(), organisation_kind=kind, policy=policy(), now=now)
    except Refused as refused:
        return {(reason.code, reason.pointer) for reason in refused.reasons if refused.status == UNPROCESSABLE}
    return set()
