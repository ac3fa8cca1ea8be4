"""Pages to print over HTTP: who may have which, what keeps them, whose name they carry."""

import re
from typing import Any, cast

import httpx
import pytest

from services.kernel.http.dev_issuer import DevIssuer
from tests.integration.coaching.papers.world import CONSENTS, VIEWS, Intake, Ready
from tests.integration.coaching.world import PLAN, Desk, Triage, codes
from tests.parts.keys import MadeKeys
from tests.unit.coaching.desk import PERSON, day


async def standings(desk: Desk) -> dict[str, list[str]]:
    answer = await desk.get(f"/plans/{PLAN}/pages")
    assert answer.status_code == 200, answer.text
    found = {one["view"]: [why["code"] for why in one["why_not"]] for one in answer.json()}
    assert {one["view"]: one["available"] for one in answer.json()} == {view: not why for view, why in found.items()}
    return found


async def test_each_page_has_the_name_that_intake_tells_its_coach(ready: Ready, ada: Desk, intake: Intake) -> None:
    await ready()
    assert await standings(ada) == {"participant": [], "gp": [], "employer": []}
    assert intake.asked == []
    for view in VIEWS:
        answer = await ada.get(f"/plans/{PLAN}/pages/{view}")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["etag"] == '"4"'
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "Mina &lt;b&gt; O&#39;Example" in answer.text
        assert "Mina <b>" not in answer.text
    assert [request.url.path for request in intake.asked] == [f"/people/{PERSON}/contact"] * 3
    assert {request.url.params["purpose"] for request in intake.asked} == {"printed_plan"}
    assert {request.headers["authorization"] for request in intake.asked} == {ada.headers["Authorization"]}


@pytest.mark.parametrize(
    ("consents", "kept"),
    [
        ({"share_with_gp": None}, {"gp": ["gp_consent_missing"]}),
        ({"share_with_gp": {"given": False, "on": day(0), "channel": "phone"}}, {"gp": ["gp_consent_missing"]}),
        ({"share_with_employer": None}, {"employer": ["employer_consent_missing"]}),
        ({"share_with_gp": None, "share_with_employer": None}, {v: [f"{v}_consent_missing"] for v in VIEWS[1:]}),
    ],
    ids=["GP never asked", "GP refused", "employer never asked", "neither"],
)
async def test_without_its_consent_there_is_no_page_and_intake_is_not_asked(
    ready: Ready, ada: Desk, intake: Intake, consents: dict[str, Any], kept: dict[str, list[str]]
) -> None:
    await ready(**consents)
    assert await standings(ada) == {view: kept.get(view, []) for view in VIEWS}
    for view, why in kept.items():
        answer = await ada.get(f"/plans/{PLAN}/pages/{view}")
        assert (answer.status_code, codes(answer)) == (409, why)
        assert f"consent_changed, share_with_{view}" in answer.json()["errors"][0]["message"]
    assert intake.asked == []


async def test_a_withdrawn_consent_takes_the_page_away_and_a_new_one_gives_it_back(ready: Ready, ada: Desk) -> None:
    await ready()
    for given, why in ((False, ["gp_consent_missing"]), (True, [])):
        said: dict[str, Any] = {"consent": "share_with_gp", "given": given, "channel": "phone"}
        assert (await ada.ask("consent_changed", occurred_on=day(1).isoformat(), **said)).status_code == 200
        assert (await standings(ada))["gp"] == why


async def test_before_anything_is_agreed_there_is_nothing_to_print(triage: Triage, ada: Desk, intake: Intake) -> None:
    await triage(PLAN, consents=CONSENTS)
    free = {"participant": ["no_coach", "not_agreed"], "gp": ["no_coach", "not_confirmed"]}
    assert await standings(ada) == {**free, "employer": ["no_coach", "no_adjustment"]}
    await ada.ask("recommendation_confirmed", revision=1)
    assert await standings(ada) == {"participant": ["not_agreed"], "gp": [], "employer": ["no_adjustment"]}
    answer = await ada.get(f"/plans/{PLAN}/pages/participant")
    assert (answer.status_code, codes(answer)) == (409, ["not_agreed"])
    assert intake.asked == []


async def test_pages_are_the_coachs_alone(
    ready: Ready, ben: Desk, client: httpx.AsyncClient, issuer: DevIssuer, intake: Intake
) -> None:
    await ready()
    lead = Desk(client, issuer, "lead-1", role="team_lead")
    assert await standings(lead) == {view: ["not_the_coach"] for view in VIEWS}
    assert codes(await lead.get(f"/plans/{PLAN}/pages/gp")) == ["not_the_coach"]
    assert (await ben.get(f"/plans/{PLAN}/pages")).status_code == 404
    assert (await ben.get(f"/plans/{PLAN}/pages/gp")).status_code == 404
    assert (await Desk(client, issuer, "gp-1", role="referrer").get(f"/plans/{PLAN}/pages/gp")).status_code == 403
    assert intake.asked == []


async def test_nothing_is_handed_out_of_a_withdrawn_plan(ready: Ready, ada: Desk, intake: Intake) -> None:
    await ready()
    await ada.ask("withdrawn", reason="changed_mind")
    assert all("plan_withdrawn" in why for why in (await standings(ada)).values())
    assert (await ada.get(f"/plans/{PLAN}/pages/participant")).status_code == 409
    assert intake.asked == []


async def test_no_connection_is_held_while_intake_is_asked(
    ready: Ready, ada: Desk, client: httpx.AsyncClient, intake: Intake
) -> None:
    await ready()
    reading = cast("Any", client)._transport.app.state.parts.engine.pool
    held: list[int] = []
    intake.meanwhile = lambda: held.append(reading.checkedout())
    for path in (f"/plans/{PLAN}/pages/gp", f"/plans/{PLAN}/pages/participant"):
        assert (await ada.get(path)).status_code == 200
    assert held == [0, 0]


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (httpx.Response(403, json={"code": "not_the_coach", "detail": "another"}), 403, "not_the_coach"),
        (httpx.Response(423, json={"code": "person_restricted", "detail": "kept"}), 423, "person_restricted"),
        (httpx.Response(410, json={"code": "person_erased", "detail": "gone"}), 410, "person_erased"),
        (httpx.Response(500, json={"code": "bug", "detail": "of theirs"}), 503, "contact_unavailable"),
        (httpx.Response(502, text="<html>"), 503, "contact_unavailable"),
        (httpx.Response(200, json={"given_name": "Mina"}), 503, "contact_unavailable"),
        (httpx.ConnectError("no route to Mina"), 503, "contact_unavailable"),
    ],
    ids=["not theirs", "restricted", "erased", "a bug there", "a proxy", "another form", "out of reach"],
)
async def test_what_intake_refuses_is_refused_and_its_outage_said(
    ready: Ready, ada: Desk, intake: Intake, answer: httpx.Response | Exception, status: int, code: str
) -> None:
    await ready()
    intake.answer = answer
    refused = await ada.get(f"/plans/{PLAN}/pages/participant")
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert "Mina" not in refused.text


async def test_the_coach_is_told_of_language_and_format(triage: Triage, ada: Desk) -> None:
    await triage(PLAN, language="ur", formats=("large_print", "braille", "hearing_loop"))
    answer = await ada.get(f"/plans/{PLAN}/pages")
    heed = {one["view"]: {why["code"]: why["message"] for why in one["heed"]} for one in answer.json()}
    assert set(heed["participant"]) == {"other_language", "other_format"}
    assert re.search(r"\bur\b", heed["participant"]["other_language"])
    assert "braille" in heed["participant"]["other_format"]
    assert heed["gp"] == heed["employer"] == {}


FIT_NOTE = {"fitness": "may_be_fit", "adjustments": ["amended_duties"], "issuer": "occupational_therapist"}
IN_WORDS = ("May be fit for work", "amended duties", "11 November 2024", "Occupational therapist")


async def fit_note(ada: Desk, **changes: Any) -> None:
    note = {**FIT_NOTE, "from_on": "2024-11-11", "to_on": "2024-12-01", **changes}
    assert (await ada.ask("fit_note_recorded", fit_note=note)).status_code == 200


async def test_the_gp_is_told_of_fit_notes_and_nobody_else(ready: Ready, ada: Desk) -> None:
    """Those on record, as they were written; no judgement on them, and none of another person's."""
    await ready()
    assert "Fit notes" not in (await ada.get(f"/plans/{PLAN}/pages/gp")).text
    await fit_note(ada)
    await fit_note(ada, fitness="not_fit", adjustments=[], from_on="2025-01-06", to_on="2025-05-30", issuer="doctor")
    whole = {view: (await ada.get(f"/plans/{PLAN}/pages/{view}")).text for view in VIEWS}
    pages = {view: text.partition("</style>")[2] for view, text in whole.items()}
    assert [marker for marker in (*IN_WORDS, "30 May 2025", "Doctor") if marker not in pages["gp"]] == []
    for view in ("participant", "employer"):
        assert [marker for marker in (*IN_WORDS, "30 May 2025", "it note", "ot fit") if marker in pages[view]] == []
    found = (await ada.get(f"/plans/{PLAN}/record")).json()["fit_note_findings"]
    assert {one["finding"] for one in found} == {"gap", "longer_than_three_months"}
    assert [word for word in ("gap", "longer", "three months", "2 December 2024") if word in pages["gp"]] == []


async def test_fit_notes_go_with_a_letter_and_only_under_the_second_consent(
    ready: Ready, ada: Desk, intake: Intake
) -> None:
    await ready()
    await fit_note(ada)
    queued = await ada.client.post(
        f"/plans/{PLAN}/letters", json={"view": "gp"}, headers={**ada.headers, "Idempotency-Key": "fit-note-letter"}
    )
    letter = queued.json()["letter_id"]
    printed = (await ada.get(f"/letters/{letter}/page")).text
    assert [marker for marker in IN_WORDS if marker not in printed] == []
    withdrawn: dict[str, Any] = {"consent": "share_with_gp", "given": False, "channel": "phone"}
    assert (await ada.ask("consent_changed", occurred_on=day(1).isoformat(), **withdrawn)).status_code == 200
    for path in (f"/letters/{letter}/page", f"/plans/{PLAN}/pages/gp"):
        refused = await ada.get(path)
        assert (refused.status_code, codes(refused)) == (409, ["gp_consent_missing"])
        assert not any(marker in refused.text for marker in IN_WORDS)


async def test_fit_notes_of_somebody_restricted_or_erased_are_on_no_page(
    ready: Ready, ada: Desk, keys: MadeKeys
) -> None:
    """Whatever intake answers at that moment."""
    await ready()
    await fit_note(ada)
    keys.restricted.add(PERSON)
    refused = await ada.get(f"/plans/{PLAN}/pages/gp")
    assert (refused.status_code, codes(refused)) == (423, ["person_restricted"])
    keys.restricted.clear()
    keys.erased.add(PERSON)
    erased = await ada.get(f"/plans/{PLAN}/pages/gp")
    assert erased.status_code == 200
    assert not any(marker in erased.text for marker in (*IN_WORDS, "Fit notes"))
