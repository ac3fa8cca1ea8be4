"""Who works at the desks of a provider, and the plans they have."""

import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from services.contracts.assessment import Assessment, Phq9
from services.contracts.triage import SealedFindings
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.sealing.content import Sealed
from tests.unit.coaching.desk import FINDINGS, PERSON, REFERRED_ON

PROGRAMME = "workwell-greater-manchester"
PROVIDER = "growth-company"
REFERRALS = [f"0192f3a1-5c77-4b0e-9d43-6a1f0c2e{number:04x}" for number in range(5)]
PLAN = REFERRALS[0]
numbers = itertools.count(1)

Triage = Callable[..., Awaitable[None]]


def person_of(referral_id: str) -> str:
    """Return whose referral it is, where a test does not say: each is somebody else's."""
    return PERSON if referral_id == PLAN else referral_id.replace("-4b0e-", "-4a88-")


def with_answers() -> SealedFindings:
    answers = Assessment(phq9=Phq9(score=12, item9=0))
    return SealedFindings(findings=Sealed.of(FINDINGS), assessment=Sealed.of(answers))


class Desk:
    """Somebody at a desk of a provider."""

    def __init__(
        self, client: httpx.AsyncClient, issuer: DevIssuer, sub: str, role: str = "coach", org: str = PROVIDER
    ) -> None:
        self.client = client
        self.headers = issuer.headers(role, sub=sub, org=org, organisation_kind="provider", programme=PROGRAMME)

    async def ask(self, kind: str, *, plan: str = PLAN, if_match: str | None = None, **fields: Any) -> httpx.Response:
        headers = {**self.headers, "Idempotency-Key": f"key-{next(numbers)}"}
        if if_match is not None:
            headers["If-Match"] = if_match
        body = {"kind": kind, "occurred_on": REFERRED_ON.isoformat(), **fields}
        return await self.client.post(f"/plans/{plan}/commands", json=body, headers=headers)

    async def get(self, path: str, **params: Any) -> httpx.Response:
        return await self.client.get(path, params=params, headers=self.headers)


def codes(answer: httpx.Response) -> list[str]:
    return [error["code"] for error in answer.json()["errors"]]
