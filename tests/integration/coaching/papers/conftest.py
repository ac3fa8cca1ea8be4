"""Coaching's API with an intake beside it, and a plan that can be printed."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from services.coaching.api import create_app
from services.coaching.papers.contact import Contacts
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.settings import Settings
from tests.integration.coaching.papers.world import CONSENTS, Intake, Ready
from tests.integration.coaching.world import PLAN, Desk, Triage
from tests.parts.keys import MadeKeys
from tests.unit.coaching.desk import FIRST_STEPS, GOAL, NOW


@pytest.fixture
def intake() -> Intake:
    return Intake()


@pytest.fixture
async def client(
    settings: Settings, issuer: DevIssuer, keys: MadeKeys, intake: Intake
) -> AsyncIterator[httpx.AsyncClient]:
    contacts = Contacts("http://intake", httpx.MockTransport(intake))
    app = create_app(settings, contacts=contacts, issuer_transport=issuer.transport(), clock=lambda: NOW, keys=keys)
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://api") as made:
        yield made


@pytest.fixture
def ready(triage: Triage, ada: Desk) -> Ready:
    """An agreed plan of Ada's with an adjustment."""

    async def make(**consents: Any) -> None:
        await triage(PLAN, consents={**CONSENTS, **consents})
        assert (await ada.ask("recommendation_confirmed", revision=1)).status_code == 200
        assert (await ada.ask("plan_agreed", goals=[GOAL], steps=list(FIRST_STEPS))).status_code == 200
        adjusted = await ada.ask("adjustment_changed", adjustment="phased_return", state="agreed")
        assert adjusted.status_code == 200, adjusted.text

    return make
