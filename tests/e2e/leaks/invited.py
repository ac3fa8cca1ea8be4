"""What is asked of intake about people who are invited, and about employers: accepted, refused, malformed."""

import copy
import dataclasses
import json
from typing import Any, Final

from services.intake.domain.identifying import InvitationPosted
from services.intake.employers.examples import ACTIVITY, REGISTERED, SOLE_TRADER
from services.intake.invitations.reading import OF_INVITATION
from tests.e2e.leaks.acts import NAMED, NEVER, SENT, WRONG, no_json
from tests.e2e.leaks.caller import COACH, PLACE, SURGERY, Caller
from tests.e2e.leaks.markers import GRAVE, Markers, Person, made, pointers, put

COMES: Final = Person(31)
"""Identified, invited, accepts."""
DECLINES: Final = Person(32)
WAITS: Final = Person(33)
"""Invited and silent."""
PEOPLE: Final = (COMES, DECLINES, WAITS)
TRADER: Final = made("trader")
"""A sole trader's name: it is refused, and nowhere."""
COMPANY: Final = made("company")
NAMES: Final = Markers({"a sole trader": TRADER})
OF_COMPANY: Final = Markers({"a company": COMPANY})
IN_WORK: Final = dataclasses.replace(COACH, programme="working-well-in-work")


def identification(person: Person) -> dict[str, Any]:
    """Whom a provider names."""
    whole = person.referral()
    return {"on": SENT, **{name: whole[name] for name in ("programme", "locality", "person")}}


def acceptance(person: Person) -> dict[str, Any]:
    """The rest of a referral."""
    whole = person.referral(copy.deepcopy(GRAVE))
    return {name: value for name, value in whole.items() if name not in OF_INVITATION}


async def asked(call: Caller) -> None:
    """Three people are identified and invited; one comes, one does not want to, one is silent."""
    for wrong in (_wrong_everywhere(), {**identification(WAITS), NAMED: WRONG}):
        assert (await call.post("intake", "/invitations", wrong, COACH)).status_code == 422
    for content in no_json(WAITS):
        assert (await call.post("intake", "/invitations", content, COACH)).status_code in {413, 422}
    assert (await call.post("intake", "/invitations", identification(WAITS), SURGERY)).status_code == 403
    places = []
    for person in PEOPLE:
        answer = await call.post("intake", "/invitations", identification(person), COACH)
        assert answer.status_code == 201, answer.text
        places.append(answer.json()["links"]["self"])
        again = await call.post("intake", "/invitations", identification(person), COACH)
        assert (again.status_code, again.json()["code"]) == (409, "already_identified")
    comes, declines, _ = places
    for here in places:
        for wrong in ({"channel": WRONG}, {"channel": "phone", "on": NEVER}, {"channel": "phone", NAMED: WRONG}):
            assert (await call.post("intake", f"{here}/invite", wrong, COACH)).status_code == 422
        good = {"channel": "phone", "on": SENT}
        assert (await call.post("intake", f"{here}/invite", good, COACH)).status_code == 201
    told_twice = {**acceptance(COMES), "person": COMES.referral()["person"]}
    for content in (json.dumps(told_twice).encode(), *no_json(COMES)):
        assert (await call.post("intake", f"{comes}/accept", content, COACH)).status_code in {413, 422}
    body = {**acceptance(COMES), "referred_on": SENT}
    answer = await call.post("intake", f"{comes}/accept", body, COACH)
    assert answer.status_code == 201, answer.text
    again = await call.post("intake", f"{comes}/accept", body, COACH)
    assert (again.status_code, again.json()["code"]) == (409, "invitation_accepted")
    for wrong in ({"reason": WRONG}, {"reason": "not_now", "on": NEVER}):
        assert (await call.post("intake", f"{declines}/decline", wrong, COACH)).status_code == 422
    assert (
        await call.post("intake", f"{declines}/decline", {"reason": "not_now", "on": SENT}, COACH)
    ).status_code == 201
    assert (await call.post("intake", f"/invitations/{PLACE}/decline", {"reason": "not_now"}, COACH)).status_code == 404
    for place, state in (("/invitations", {}), ("/invitations", {"state": "expired"}), (comes, {})):
        read = await call.get("intake", place, COACH, **state)
        assert read.status_code == 200
        call.keep(f"what is read at {place}", read)  # searched: it names nobody
    assert (await call.get("intake", "/invitations", COACH, cursor=WRONG, state=WRONG)).status_code == 422


def _wrong_everywhere() -> dict[str, Any]:
    body = identification(WAITS)
    for pointer in pointers(InvitationPosted):
        put(body, pointer, f"{WRONG}!" * 100)
    return body


async def employers(call: Caller) -> None:
    """A company with a name and a sole trader without one; names that are refused."""
    named = {**SOLE_TRADER, "name": TRADER}
    for wrong in (
        named,
        {**REGISTERED, NAMED: WRONG},
        {**REGISTERED, "facts": {"legal_form": WRONG}},
        b"[" + WRONG.encode(),
    ):
        assert (await call.post("intake", "/employers", wrong, IN_WORK)).status_code == 422
    made_of = []
    for body in (SOLE_TRADER, {**REGISTERED, "name": f"{COMPANY} Ltd"}):
        answer = await call.post("intake", "/employers", body, IN_WORK)
        assert answer.status_code == 201, answer.text
        made_of.append(answer.json()["links"]["commands"])
    for wrong in ({"kind": "named", "name": TRADER}, {"kind": WRONG}, {**ACTIVITY, "employees_reached": WRONG}):
        assert (await call.post("intake", made_of[0], wrong, IN_WORK)).status_code == 422
    assert (await call.post("intake", made_of[1], ACTIVITY, IN_WORK)).status_code == 201
    listed = await call.get("intake", "/employers", IN_WORK)
    call.keep("the list of employers", listed)
    report = await call.get("intake", "/employers/report", IN_WORK, **{"from": "2024-10-01", "to": "2026-03-31"})
    assert report.status_code == 200, report.text
    call.keep("the report on employers", report)
    assert COMPANY not in json.dumps([listed.json(), report.json()])
