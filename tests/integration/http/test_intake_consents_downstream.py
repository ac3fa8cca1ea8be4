"""A consent withdrawn over HTTP reaches the plan: intake on PostgreSQL, the other services on databases in memory."""

import json
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.coaching.domain.commands import Asked
from services.coaching.domain.reissue import COMMAND_TYPE
from services.contracts import types
from services.intake.referrals.examples import GP_REFERRAL
from services.intake.service import build
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.replay.comparing import compare
from services.kernel.replay.folding import replay
from services.kernel.replay.history import History
from services.kernel.runtime.inbox import Inbox
from services.kernel.settings import Settings
from tests.integration.http.conftest import Ask, calling
from tests.integration.http.test_intake import ask, gp, intake, keys, post, settings, stored, token
from tests.parts.keys import MadeKeys
from tests.property.pipeline import PARTITIONS, World
from tests.unit.coaching.desk import COMMAND

__all__ = ["ask", "gp", "intake", "keys", "settings", "stored"]

OUTBOX = "SELECT json_build_array(key, headers, convert_from(value, 'UTF8')) FROM outbox ORDER BY id"


class Pathway:
    """The log between intake's real database and the other services."""

    def __init__(self, app: FastAPI, ask: Ask, keys: MadeKeys) -> None:
        self.world = World(keys=keys)
        self._pool = app.state.parts.pool
        self._ask = ask
        self._keys = keys
        self._sent = 0

    async def flow(self) -> None:
        """Relay intake's outbox, let everybody read, and intake hear of the plans."""
        rows = [json.loads(line) for line in self._ask(OUTBOX).splitlines()]
        for key, headers, value in rows[self._sent :]:
            row = ["", 0, json.dumps(headers), value.encode(), False]
            self.world.publish("intake", [((types.TOPIC_REFERRAL, key, 0), row)])
        self._sent = len(rows)
        self.world.read_in_order()
        service = build()
        inbox = Inbox(service, service.policy(), self._pool, keys=self._keys)
        for topic in (types.TOPIC_TRIAGE, types.TOPIC_PLAN):
            for number in range(PARTITIONS):
                if records := self.world.log[topic, number]:
                    await inbox.process(records)

    def coach(self, key: str, kind: str, on: str, **fields: Any) -> None:
        body = COMMAND.validate_python({"kind": kind, "occurred_on": on, **fields})
        self.world.command("coaching", COMMAND_TYPE, key, Asked(body, None))

    def plan(self, key: str) -> Any:
        return self.world.parts["coaching"].state(key)


@pytest.fixture
def pathway(intake: FastAPI, ask: Ask, keys: MadeKeys) -> Pathway:
    return Pathway(intake, ask, keys)


def said(given: bool, on: str) -> dict[str, Any]:
    return {"given": given, "on": on, "channel": "phone"}


async def test_a_consent_withdrawn_over_http_ends_the_plan(
    gp: httpx.AsyncClient, intake: FastAPI, issuer: DevIssuer, pathway: Pathway
) -> None:
    made = (await post(gp, GP_REFERRAL)).json()
    key, place = made["referral_id"], made["links"]["consents"]
    await pathway.flow()
    assert pathway.plan(key).state == "proposed"

    shared = {"consents": {"share_with_employer": said(True, "2024-11-25"), "share_with_gp": said(False, "2024-11-26")}}
    assert (await post(gp, shared, place)).status_code == 201
    await pathway.flow()
    consents = pathway.plan(key).plan.consents
    assert (consents.share_with_employer.given, consents.share_with_gp.given) == (True, False)
    pathway.coach(key, "consent_changed", "2024-11-27", consent="share_with_gp", given=True)
    await pathway.flow()

    assert (await post(gp, {"consents": {"take_part": said(False, "2024-12-02")}}, place)).status_code == 201
    await pathway.flow()
    assert pathway.world.refused == []
    assert pathway.plan(key).state == "withdrawn"
    assert pathway.plan(key).plan.consents.take_part.given is False
    assert pathway.world.parts["triage"].state(key).withdrawn

    assert (await gp.get(made["links"]["self"])).json()["status"] == "withdrawn"
    async with calling(intake, token(issuer, "provider", "big-life", "coach")) as coach:
        told = (await coach.get(place)).json()
    assert told["allowed"] == {"take_part": False, "share_with_gp": True, "share_with_employer": True}
    assert [(fact["consent"], fact["given"], fact["by"]) for fact in told["history"]] == [
        ("take_part", True, None),
        ("share_with_gp", True, None),
        ("share_with_employer", False, None),
        ("share_with_employer", True, "someone"),
        ("share_with_gp", False, "someone"),
        ("share_with_gp", True, "coach-1"),
        ("take_part", False, "someone"),
    ], "each said once, whatever coaching has repeated"


async def test_a_plan_that_is_not_there_yet_is_not_begun_without_consent(
    gp: httpx.AsyncClient, pathway: Pathway
) -> None:
    """Held by triage, no plan yet; then nobody takes part any more: an acknowledgement begins none."""
    held = {**GP_REFERRAL, "assessment": {"phq9": {"score": 12, "item9": 1}}}
    made = (await post(gp, held)).json()
    await pathway.flow()
    assert (
        await post(gp, {"consents": {"take_part": said(False, "2024-12-02")}}, made["links"]["consents"])
    ).is_success
    await pathway.flow()
    assert pathway.world.parts["triage"].state(made["referral_id"]).withdrawn
    assert pathway.plan(made["referral_id"]) is None


async def test_a_replay_of_the_log_gives_the_same_history(
    gp: httpx.AsyncClient, intake: FastAPI, pathway: Pathway, settings: Settings, ask: Ask, keys: MadeKeys
) -> None:
    made = (await post(gp, GP_REFERRAL)).json()
    await pathway.flow()
    await post(gp, {"consents": {"share_with_employer": said(True, "2024-11-25")}}, made["links"]["consents"])
    pathway.coach(made["referral_id"], "consent_changed", "2024-11-27", consent="share_with_gp", given=False)
    await pathway.flow()
    assert ask("SELECT count(*) FROM consent_fact") == "5"
    service = build()
    history = History(service)
    for records in pathway.world.log.values():
        for record in records:
            history.add(record)
    replayed = replay(history, service.policy(), keys=await keys.get(history.subjects().values()))
    async with intake.state.parts.pool.acquire() as connection:
        assert [d for d in await compare(connection, history, replayed) if d.detail == "consent_fact"] == []
        assert replayed.differences == []
        assert sum(table.name == "consent_fact" for table, _ in replayed.rows) == 5
    ask("DELETE FROM consent_fact WHERE topic = 'plan.updated'")
    async with intake.state.parts.pool.acquire() as connection:
        [missing] = [d for d in await compare(connection, history, replayed) if d.detail == "consent_fact"]
    assert missing.what == "row_only_in_log"
