"""What is asked of the APIs: everything that is accepted, refused, repeated, malformed or not even JSON."""

import copy
import json
from typing import Any, Final

from services.intake.domain.posted import ReferralPosted
from tests.e2e.leaks.caller import COACH, EMPLOYER, FINANCE, GOOD_ID, PLACE, SAFETY, TRACE, Caller
from tests.e2e.leaks.markers import GRAVE, MILD, WHOLE, Markers, Person, made, pointers, put

SENT: Final = "2024-11-19"
NOTE: Final = made("note")
OVERRIDDEN: Final = made("override")
WORDS: Final = Markers({"a note": NOTE, "an override": OVERRIDDEN})
NAMED: Final = made("field")
"""The name of a field that is none: an answer names what was sent, and only to its sender."""
WRONG: Final = made("wrong")
"""What stands in a field that cannot hold it."""
NEVER: Final = "2094-07-03"
LONG_AGO: Final = "1994-07-03"
RIGHT: Final = Person(6)
"""Who somebody turns out to be when their details are corrected."""
TAKEN: Final = Person(1).nhs_number
"""A number that is somebody else's already."""
REFUSED: Final = Markers({"a wrong value": WRONG, "a day to come": NEVER, "a day before": LONG_AGO})


async def refer(call: Caller, person: Person, assessment: Any = MILD, **fields: Any) -> str:
    """Refer somebody, who is accepted."""
    answer = await call.post("intake", "/referrals", person.referral(assessment, **fields))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["referral_id"])


def wrong_everywhere(person: Person) -> dict[str, Any]:
    """A referral with a value in every field that it cannot hold; what can hold any text gets too much of it."""
    body = person.referral(copy.deepcopy(WHOLE))
    for pointer in pointers(ReferralPosted):
        put(body, pointer, f"{WRONG}!" * 400)
    return body


def unknown_fields(person: Person) -> dict[str, Any]:
    """A referral with a field that nobody knows in every part, and as a red flag."""
    body = person.referral(copy.deepcopy(WHOLE))
    for part in (body, body["person"], body["person"]["contact"], body["work"], body["assessment"]["phq9"]):
        part[NAMED] = {WRONG: WRONG}
    body["assessment"]["red_flags"][NAMED] = WRONG
    body["assessment"]["conditions"] += [WRONG]
    return body


def impossible(person: Person) -> dict[str, Any]:
    """A referral of well-formed values that cannot be, without consent."""
    body = person.referral(copy.deepcopy(WHOLE), consents={})
    body["person"] |= {"birth_date": "2031-02-17", "contact": {"email": None, "preferred": "email"}}
    body["assessment"] |= {"phq9": {"score": 1, "item9": 3}, "wsas": {"score": 41}}
    body["work"]["status"] = "unemployed"
    return {**body, "locality": WRONG.lower(), "programme": WRONG.lower(), "provider": {"chosen": WRONG.lower()}}


def no_json(person: Person) -> list[bytes]:
    """Bodies that are refused before they are read."""
    whole = json.dumps(person.referral()).encode()
    return [
        whole[:-20],
        b'["' + WRONG.encode() + b'"]',
        b'"' + WRONG.encode(),
        whole.replace(b'"route": "gp"', b'"route": NaN'),
        whole.replace(b'"route": "gp"', b'"route": "gp", "route": "' + WRONG.encode() + b'"'),
        whole.replace(b'"weekly_hours": 37', b'"weekly_hours": ' + b"9" * 400),
        whole.replace(b"Surgery", b"\\ud800" + WRONG.encode()),
        whole.replace(b"Surgery", b"\xff\xfe" + WRONG.encode()),
        whole.replace(b'"asks": ["physiotherapy"]', b'"asks": ' + b"[" * 40 + b"]" * 40),
        whole + WRONG.encode() * 8000,
        b"",
    ]


async def refused(call: Caller, person: Person) -> None:
    """Everything that intake refuses about a referral."""
    for body in (wrong_everywhere(person), unknown_fields(person), impossible(person), *no_json(person)):
        answer = await call.post("intake", "/referrals", body)
        assert answer.status_code in {413, 422}, answer.text
    for headers in ({"Content-Type": f"text/{WRONG}"}, {"Content-Encoding": WRONG}):
        assert (await call.post("intake", "/referrals", person.referral(), headers=headers)).status_code == 415
    for key in (f"{WRONG} with spaces", f"{WRONG}" * 30):
        assert (await call.post("intake", "/referrals", person.referral(), key=key)).status_code == 400
    by_works = person.referral(copy.deepcopy(WHOLE), route="employer")
    assert (await call.post("intake", "/referrals", by_works, EMPLOYER)).status_code == 422
    for token in (WRONG, f"e30.{WRONG}.e30", WRONG * 400):
        answer = await call.post(
            "intake", "/referrals", person.referral(), headers={"Authorization": f"Bearer {token}"}
        )
        assert answer.status_code == 401


async def repeated(call: Caller, known: Person, other: Person) -> None:
    """Somebody is referred again, a reference used again, a key sent again with the same and with another body."""
    again = {**known.referral(), "referrer": other.referral()["referrer"]}
    assert (await call.post("intake", "/referrals", again)).status_code == 409
    used = {**other.referral(), "referrer": known.referral()["referrer"]}
    assert (await call.post("intake", "/referrals", used)).status_code == 422
    key = f"{other.word('key')}/once"
    first = await call.post("intake", "/referrals", other.referral(), key=key)
    twice = await call.post("intake", "/referrals", other.referral(), key=key)
    changed = await call.post("intake", "/referrals", other.referral(GRAVE), key=key)
    assert (first.status_code, twice.status_code, changed.status_code) == (201, 201, 422)
    assert first.json() == twice.json()
    await put_right(call, first.json()["referral_id"])


async def near(call: Caller, known: Person, other: Person) -> None:
    """Somebody is referred who may be a known person; the pair is listed, looked at and, at last, decided on."""
    body, like = other.referral(), known.referral()["person"]
    body["person"] |= {name: like[name] for name in ("family_name", "given_name", "birth_date")}
    body["person"] |= {"nhs_number": None, "postcode": None}
    assert (await call.post("intake", "/referrals", body)).status_code == 201
    listed = await call.get("intake", "/near-matches", COACH)
    call.keep("the list of near matches", listed)  # searched: it names nobody
    (pair,) = [one for one in listed.json() if one["reasons"] == ["postcode_unknown"]]
    here = f"/near-matches/{pair['near_match_id']}"
    shown = (await call.get("intake", here, COACH)).json()
    assert shown["agree"] == ["family_name", "given_name", "birth_date"]
    assert known.nhs_number not in json.dumps(shown)
    for wrong in ({"decision": WRONG}, {"decision": "same", NAMED: WRONG}, b"[" + WRONG.encode()):
        assert (await call.post("intake", f"{here}/decision", wrong, COACH)).status_code == 422
    assert (await call.post("intake", f"{here}/decision", {"decision": "same"}, EMPLOYER)).status_code == 403
    assert (
        await call.post("intake", f"/near-matches/{PLACE}/decision", {"decision": "same"}, COACH)
    ).status_code == 404
    assert (await call.post("intake", f"{here}/decision", {"decision": "different"}, COACH)).status_code == 201


async def in_lines(call: Caller, person: Person, known: Person) -> None:
    """Somebody among lines that are refused for every reason, in a request that comes twice, and changed."""
    again = {**known.referral(), "referrer": {"name": WRONG, "ods_code": "P84001"}}
    bodies = [person.referral(GRAVE), again, wrong_everywhere(person), unknown_fields(person), impossible(person)]
    lines = [json.dumps(body).encode() for body in bodies] + [raw for raw in no_json(person) if raw]
    headers, key = {"Content-Type": "application/x-ndjson"}, f"{person.word('key')}/lines"
    content = b"\n".join(lines)
    for place in ("/referrals:batch?dry_run=true", "/referrals:batch", "/referrals:batch"):
        answer = await call.post("intake", place, content, headers=headers, key=key)
        told = [json.loads(line)["status"] for line in answer.text.splitlines()]
        assert (told[:2], len(told)) == ([201, 409], len(lines)), answer.text
        assert set(told[2:]) <= {413, 422}
    changed = await call.post("intake", "/referrals:batch", lines[1] + b"\n", headers=headers, key=key)
    assert "idempotency_key_reused" in changed.text


async def put_right(call: Caller, referral_id: str) -> None:
    """Facts that were wrong, at the second attempt; a number of somebody else; decisions and contests that fail."""
    here, right = f"/referrals/{referral_id}", RIGHT.referral()["person"]
    for what, body in (
        ("corrections", {"person": dict.fromkeys(right, f"{WRONG}!" * 400), NAMED: WRONG}),
        ("corrections", b"[" + WRONG.encode()),
        ("eligibility-decision", {"outcome": WRONG, "reasons": [WRONG], "alternatives": [WRONG], "area_code": WRONG}),
        ("eligibility-decision", {"outcome": "eligible", "reasons": ["other"], "occurred_on": NEVER}),
        ("contest", {"reasons": [WRONG], "channel": WRONG, "occurred_on": NEVER, NAMED: WRONG}),
        ("contest", {}),
    ):
        answer = await call.post("intake", f"{here}/{what}", body, COACH)
        assert answer.status_code in {409, 422}, answer.text
    for person, status in (({**right, "nhs_number": TAKEN}, 409), (right, 201), (right, 409)):
        answer = await call.post("intake", f"{here}/corrections", {"person": person}, COACH)
        assert answer.status_code == status, answer.text


async def later(call: Caller, referral_id: str) -> None:
    """Answers and consents that come after a referral."""
    here = f"/referrals/{referral_id}"
    mild = {"assessment": {**MILD, "gad7": {"score": 7}}}
    for body in ({"assessment": {"phq9": {"score": WRONG}, NAMED: WRONG}}, {NAMED: GRAVE}, b"[" + WRONG.encode()):
        assert (await call.post("intake", f"{here}/assessments", body, COACH)).status_code == 422
    assert (await call.post("intake", f"{here}/assessments", mild, COACH)).status_code == 201
    employer = {"share_with_employer": {"given": True, "on": SENT, "channel": "phone"}}
    for consents in ({"share_with_employer": {"given": WRONG, "on": WRONG, "channel": WRONG}}, {NAMED: WRONG}):
        assert (await call.post("intake", f"{here}/consents", {"consents": consents}, COACH)).status_code == 422
    assert (await call.post("intake", f"{here}/consents", {"consents": employer}, COACH)).status_code == 201
    assert (await call.get("intake", f"{here}/consents", COACH, on=WRONG)).status_code == 422


async def withdrawn(call: Caller, referral_id: str) -> None:
    """A referral that is taken back, at the second attempt."""
    place = f"/referrals/{referral_id}/withdrawal"
    assert (await call.post("intake", place, {"reason": WRONG, "occurred_on": WRONG})).status_code == 422
    good = {"X-Request-Id": GOOD_ID, "X-Correlation-Id": GOOD_ID, "traceparent": TRACE}
    answer = await call.post("intake", place, {"reason": "changed_mind"}, headers=good)
    assert (answer.status_code, answer.headers["X-Request-Id"]) == (201, GOOD_ID)


async def coached(call: Caller, referral_id: str) -> None:
    """A coach's commands and notes: good ones, and all that a command can be instead."""
    place, day = f"/plans/{referral_id}/commands", {"occurred_on": SENT}
    wrong = [
        {"kind": WRONG, **day},
        {"kind": "note_recorded", "occurred_on": WRONG, "note": NOTE * 400},
        {"kind": "note_recorded", "occurred_on": NEVER, "note": NOTE},
        {"kind": "note_recorded", "occurred_on": LONG_AGO, "note": NOTE},
        {"kind": "note_recorded", **day, "note": NOTE, NAMED: WRONG},
        {
            "kind": "evidence_recorded",
            **day,
            "evidence": {"kind": WRONG, "obtained_on": SENT, "reference": WRONG + "?"},
        },
        {"kind": "coach_assigned", **day, "coach": f"{WRONG} {WRONG}"},
        b'{"kind": "' + WRONG.encode(),
    ]
    for body in wrong:
        assert (await call.post("coaching", place, body, COACH)).status_code == 422
    noted = {"kind": "note_recorded", **day, "note": f"Cannot sleep since {NOTE}"}
    assert (await call.post("coaching", place, noted, COACH, headers={"If-Match": WRONG})).status_code == 400
    override = {"kind": "recommendation_overridden", "revision": 2, "reason": "other", "package": [{"support": "gp"}]}
    goal, step = {"goal_id": "goal-1", "theme": "stay_in_work"}, {"step_id": "step-1", "support": "gp"}
    circle = [{**step, "step_id": name, "after": [name, WRONG.lower()]} for name in (WRONG.lower(), WRONG.lower())]
    for body in (
        noted,
        {**override, **day, "note": f"Fears needles since {OVERRIDDEN}"},
        {"kind": "plan_agreed", **day, "goals": [goal], "steps": [step]},
        {"kind": "session_recorded", **day, "attendance": "attended", "minutes": 30, "channel": "phone"},
    ):
        answer = await call.post("coaching", place, body, COACH)
        assert answer.status_code == 200, answer.text
    for body in (
        {"kind": "resumed"},
        {"kind": "goal_progressed", "goal_id": WRONG.lower(), "progress": "met"},
        {"kind": "step_started", "step_id": WRONG.lower()},
        {"kind": "step_added", "step": circle[0]},
        {"kind": "plan_agreed", "goals": [goal, goal], "steps": circle},
    ):
        answer = await call.post("coaching", place, {**body, **day}, COACH)
        assert answer.status_code in {409, 422}, answer.text


async def read(call: Caller, mine: Person, referral_id: str) -> None:
    """Reading, by all that an address can hold; what is shown is the sender's own or under the roles' right."""
    reference = mine.details()["/referrer/reference"]
    found = await call.get("intake", "/referrals", reference=reference)
    assert [view["reference"] for view in found.json()] == [reference]
    notes = await call.get("coaching", f"/plans/{referral_id}/notes", COACH)
    written = [f"Cannot sleep since {NOTE}", f"Fears needles since {OVERRIDDEN}"]
    assert [note["text"] for note in notes.json()] == written
    for service, path, who, query in (
        ("coaching", f"/plans/{referral_id}", COACH, {}),
        ("triage", f"/triage/{referral_id}", SAFETY, {}),
        ("triage", f"/triage/{referral_id}/explanation", SAFETY, {}),
        ("triage", f"/triage/{referral_id}/explanation", SAFETY, {"view": PLACE}),
        ("intake", f"/referrals/{PLACE}", COACH, {}),
        ("intake", f"/{PLACE}/{PLACE}", COACH, {PLACE: PLACE}),
        ("intake", "/eligibility-reviews", COACH, {"as_of": PLACE, "cursor": PLACE, "limit": PLACE}),
        ("intake", "/eligibility-reviews", COACH, {}),
        ("intake", "/near-matches", COACH, {"cursor": PLACE, "decision": PLACE, "limit": PLACE}),
        ("intake", "/near-matches", COACH, {"cursor": PLACE}),
        ("intake", f"/near-matches/{PLACE}", COACH, {}),
        ("intake", "/referrals", COACH, {"cursor": PLACE, "status": PLACE, "route": PLACE, "referred_from": PLACE}),
        ("intake", "/referrals", COACH, {"programme": PLACE, "limit": "7"}),
        ("intake", "/referrals", COACH, {"cursor": PLACE}),
        ("intake", "/referrals/overdue", COACH, {"as_of": PLACE, "cursor": PLACE, "limit": PLACE}),
        ("intake", "/referrals/overdue", COACH, {}),
        ("intake", f"/programmes/{PLACE}/routes", COACH, {"on": PLACE}),
        ("coaching", "/plans", COACH, {"cursor": PLACE, "state": PLACE, "coach": PLACE, "limit": PLACE}),
        ("coaching", f"/plans/{PLACE}", COACH, {}),
        ("triage", "/triage", SAFETY, {"cursor": PLACE, "outcome": PLACE, "awaiting": PLACE}),
        ("triage", "/triage", SAFETY, {"cursor": PLACE}),
        ("triage", f"/triage/{PLACE}", SAFETY, {}),
        ("triage", f"/triage/{PLACE}/explanation", SAFETY, {"view": "participant"}),
        ("outcomes", "/statements", FINANCE, {"provider": PLACE, "month": PLACE}),
        ("outcomes", f"/{PLACE}", FINANCE, {}),
    ):
        assert (await call.get(service, path, who, **query)).status_code in {200, 404, 403, 422}
    for line in (f"{PLACE.upper()} /livez HTTP/1.1", f"GET /livez?{PLACE} HTTP/1.1", f"PUT /{PLACE} {PLACE}"):
        await call.raw("intake", f"{line}\r\nHost: {PLACE}\r\nConnection: close\r\n\r\n".encode())


async def taken_up(call: Caller, referral_id: str) -> None:
    """Clinical safety takes up what triage holds, at the second attempt."""
    place = f"/triage/{referral_id}/acknowledge"
    assert (
        await call.post("triage", place, {"revision": WRONG, "actions": [WRONG], NAMED: WRONG}, SAFETY)
    ).status_code == 422
    answer = await call.post("triage", place, {"revision": 1, "actions": ["person_safe"]}, SAFETY)
    assert answer.status_code == 200, answer.text
