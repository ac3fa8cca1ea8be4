"""Referrals that intake refuses though something in them is positive, and who looks at the tasks that follow."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.intake.referrals.examples import GP_REFERRAL
from services.kernel.http.dev_issuer import DevIssuer
from tests.integration.http.conftest import calling
from tests.integration.http.test_intake import changed, token

Client = httpx.AsyncClient


def saying(base: dict[str, Any] = GP_REFERRAL, **flags: bool) -> dict[str, Any]:
    return changed(base, assessment={"conditions": ["back_pain"], "red_flags": flags}, additional_information=None)


SELF_HARM = saying(self_harm_disclosure=True)
REFUSED = changed(SELF_HARM, consents={})


@pytest.fixture
async def nurse(intake: FastAPI, issuer: DevIssuer) -> AsyncIterator[Client]:
    async with calling(intake, token(issuer, role="clinical_safety", sub="nurse-7")) as client:
        yield client


async def tasks(client: Client) -> list[dict[str, Any]]:
    answer = await client.get("/safety-tasks")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found
