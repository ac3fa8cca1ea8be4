"""Whoever is told little learns no more from the answers to commands: they do not depend on what is hidden.

Two referrals that a reader cannot tell apart by its status view get the same answers to the same commands, whatever is
sent: status, headers and body. Employers are not told of a withdrawal either, so that theirs is hidden, too.
"""

import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given
from hypothesis import settings as rules
from hypothesis import strategies as st

from services.contracts.codes import ConsentKind, WithdrawalReason
from services.intake.eligibility.examples import ELIGIBLE, NOT_ELIGIBLE
from services.intake.referrals.examples import EMPLOYER_REFERRAL, GP_REFERRAL
from services.kernel.http.dev_issuer import DevIssuer
from tests.integration.http.conftest import Ask, calling
from tests.integration.http.test_intake import ask, changed, intake, keys, post, settings, stored, token
from tests.integration.http.test_intake_any_input import send, values
from tests.integration.http.test_intake_later_any_input import contests, corrections, days

__all__ = ["ask", "intake", "keys", "settings", "stored"]

KINDS: Final = ("employer", "an employer told more", "unheard-of", "jobcentre", "community", "self")
ROUTES: Final = {"jobcentre": "jobcentre_plus", "community": "community", "self": "self"}
_people = itertools.count()
_sent = itertools.count()


@dataclass
class Scene:
    """A referrer that is told little, and staff who do what it must not learn of."""

    kind: str
    referrer: httpx.AsyncClient
    gateway: httpx.AsyncClient
    nurse: httpx.AsyncClient
    lead: httpx.AsyncClient

    async def refer(self) -> str:
        """Return a referral that awaits a decision, of somebody who was never here."""
        employing = self.kind not in ROUTES
        body = changed(EMPLOYER_REFERRAL if employing else GP_REFERRAL)
        body["eligibility_facts"] = {"wants_to_work": True, "condition_affects_work": True, "right_to_work": None}
        letters = [chr(ord("a") + int(digit)) * 3 for digit in str(next(_people))]
        body["person"] |= {"family_name": f"Q{''.join(letters)}", "nhs_number": None}
        body["referrer"] = {**body["referrer"], "name": "Some organisation", "reference": None}
        told = self.kind == "an employer told more"
        body["consents"]["share_with_employer"] = {"given": told, "on": "2024-11-18", "channel": "in_person"}
        if not employing:
            body |= {"route": ROUTES[self.kind], "assessment": None}
        # whose kind nobody knows may use no route: somebody else wrote the referral down for it
        answer = await post(self.gateway if self.kind == "unheard-of" else self.referrer, body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["referral_id"])


@asynccontextmanager
async def a_scene(intake: FastAPI, issuer: DevIssuer, kind: str) -> AsyncIterator[Scene]:
    what = "employer" if "employer" in kind else kind
    async with AsyncExitStack() as opened:

        async def client(*who: str, **more: str) -> httpx.AsyncClient:
            return await opened.enter_async_context(calling(intake, token(issuer, *who, **more)))

        yield Scene(
            kind,
            await client(what, "some-organisation"),
            await client("nhs", "some-organisation"),
            await client("nhs", "P84001", "assessor", sub="nurse-1"),
            await client("provider", "big-life", "team_lead", sub="lead-1"),
        )


Hidden = Callable[[Scene, str], Awaitable[None]]


async def nothing(scene: Scene, referral_id: str) -> None:
    pass


async def eligible(scene: Scene, referral_id: str) -> None:
    await done(scene.nurse, ELIGIBLE, referral_id, "eligibility-decision")


async def not_eligible(scene: Scene, referral_id: str) -> None:
    await done(scene.nurse, NOT_ELIGIBLE, referral_id, "eligibility-decision")


async def contested(scene: Scene, referral_id: str) -> None:
    await not_eligible(scene, referral_id)
    await done(scene.nurse, {}, referral_id, "contest")


async def won(scene: Scene, referral_id: str) -> None:
    await contested(scene, referral_id)
    await done(scene.lead, ELIGIBLE, referral_id, "eligibility-decision")


async def assessed(scene: Scene, referral_id: str) -> None:
    await done(scene.nurse, {"assessment": {"gad7": {"score": 3}}}, referral_id, "assessments")


async def corrected(scene: Scene, referral_id: str) -> None:
    fixes = {
        "person": {"ethnic_category": "A", "sex": "male", "given_name": "Zed"},
        "work": {"status": "unemployed", "attendance": None, "off_sick_since": None, "weekly_hours": None},
        "eligibility_facts": {"complex_needs": True, "condition_affects_work": False, "right_to_work": True},
        "asks": ["physiotherapy"],
    }
    await done(scene.nurse, fixes, referral_id, "corrections")


async def shared(scene: Scene, referral_id: str) -> None:
    given = {"share_with_gp": {"given": True}}
    await done(scene.nurse, {"consents": given}, referral_id, "consents")


async def withdrawn(scene: Scene, referral_id: str) -> None:
    await done(scene.nurse, {"reason": "moved_away"}, referral_id, "withdrawal")


async def corrected_and_withdrawn(scene: Scene, referral_id: str) -> None:
    await corrected(scene, referral_id)
    await withdrawn(scene, referral_id)


async def done(client: httpx.AsyncClient, body: object, referral_id: str, what: str) -> None:
    answer = await post(client, body, f"/referrals/{referral_id}/{what}")
    assert answer.status_code == 201, answer.text


HIDDEN: Final[tuple[Hidden, ...]] = (eligible, not_eligible, contested, won, assessed, corrected, shared)
HIDDEN_FROM_EMPLOYERS: Final[tuple[Hidden, ...]] = (withdrawn, corrected_and_withdrawn)


def hidden_from(kind: str) -> tuple[Hidden, ...]:
    if kind in ROUTES:
        return HIDDEN
    # an employer that the person lets know is told of the withdrawal; one of no known kind is not
    return HIDDEN if kind == "an employer told more" else (*HIDDEN, *HIDDEN_FROM_EMPLOYERS)


ON: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"occurred_on": None},
    {"occurred_on": "2024-11-19"},
    {"occurred_on": "2999-01-01"},
)
BEFORE: Final = {"occurred_on": "2024-11-17"}
SAID: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    *(("contest", day) for day in (*ON, BEFORE, {"occurred_on": "x"}, {"reasons": ["moon"]})),
    ("eligibility-decision", ELIGIBLE),
    ("assessments", {"assessment": {"phq9": {"score": 4}}}),
    ("assessments", {"assessment": {}}),
    *(("withdrawal", {"reason": "not_stated", **day}) for day in (ON[3], BEFORE, {"occurred_on": 3})),
    ("withdrawal", {"reason": "because"}),
    *(("corrections", {"person": {"given_name": "Zed"}, **day}) for day in (*ON, BEFORE)),
    ("corrections", {}),
    ("corrections", {"person": {"family_name": None}}),
    ("corrections", {"person": {"nhs_number": "9990000018"}}),
    ("corrections", {"person": {"ethnic_category": "A"}}),
    ("corrections", {"person": {"ethnic_category": None}}),
    ("corrections", {"person": {"sex": "male"}}),
    ("corrections", {"person": {"birth_date": "2030-01-01"}}),
    ("corrections", {"work": {"weekly_hours": 20}}),
    ("corrections", {"work": {"attendance": "working"}}),
    ("corrections", {"work": {"status": "unemployed"}}),
    ("corrections", {"work": {"off_sick_since": None}}),
    ("corrections", {"work": {"unemployed_since": "2024-11-01"}}),
    (
        "corrections",
        {"work": {"status": "employed", "attendance": "working", "off_sick_since": None, "unemployed_since": None}},
    ),
    *(
        ("corrections", {"eligibility_facts": {name: value}})
        for name in ("complex_needs", "condition_affects_work", "health_condition", "right_to_work")
        for value in (None, True, False)
    ),
    ("corrections", {"asks": []}),
    ("corrections", {"asks": None}),
    ("corrections", {"asks": ["physiotherapy"]}),
    ("corrections", {"asks": ["skills"]}),
    *(
        ("consents", {"consents": {kind.value: {"given": given, "on": day}}})
        for kind in ConsentKind
        for given, day in ((False, "2999-01-01"), (True, "2024-11-17"), (False, "2024-11-17"))
    ),
    ("consents", {"consents": {"share_with_gp": {"given": True}}}),
    ("consents", {"consents": {"share_with_gp": {"given": False}}}),
    ("consents", {"consents": {}}),
    *(("withdrawal", {"reason": "not_stated", **day}) for day in (ON[2], *ON)),
)
"""What is sent to a referral, one after the other; what ends it for those who are told of it comes last."""
EACH_TIME_ANOTHER: Final = {"x-request-id", "x-correlation-id", "date"}


async def told(scene: Scene, referral_id: str, what: str, body: object) -> tuple[object, ...]:
    """What the referrer is answered, but for what differs in any case."""
    answer = await send(scene.referrer, f"/referrals/{referral_id}/{what}", json.dumps(body).encode())
    shown = {**answer.json(), "request_id": ""}
    headers = {name: value for name, value in answer.headers.items() if name not in EACH_TIME_ANOTHER}
    return answer.status_code, headers, json.loads(json.dumps(shown).replace(referral_id, "<id>"))


async def seen(scene: Scene, referral_id: str) -> str:
    return (await scene.referrer.get(f"/referrals/{referral_id}")).text.replace(referral_id, "<id>")


@pytest.mark.parametrize("kind", ["employer", "unheard-of", "jobcentre"])
async def test_answers_do_not_depend_on_what_is_hidden(intake: FastAPI, issuer: DevIssuer, kind: str) -> None:
    async with a_scene(intake, issuer, kind) as scene:
        plain = await scene.refer()
        before = await seen(scene, plain)
        expected = [await told(scene, plain, what, body) for what, body in SAID]
        assert {answer[0] for answer in expected} >= {201, 422}
        for happened in hidden_from(kind):
            referral_id = await scene.refer()
            await happened(scene, referral_id)
            assert await seen(scene, referral_id) == before, "the scene is of what cannot be told apart"
            for (what, body), answer in zip(SAID, expected, strict=True):
                assert await told(scene, referral_id, what, body) == answer, (happened.__name__, what, body)


acts = st.one_of(
    st.tuples(st.just("contest"), contests | values),
    st.tuples(st.just("corrections"), corrections | values),
    st.tuples(
        st.just("withdrawal"),
        st.fixed_dictionaries(
            {"reason": st.sampled_from(list(WithdrawalReason)) | values}, optional={"occurred_on": days}
        ),
    ),
    st.tuples(
        st.just("consents"),
        st.fixed_dictionaries(
            {
                "consents": st.dictionaries(
                    st.sampled_from(list(ConsentKind)), st.fixed_dictionaries({"given": st.booleans(), "on": days})
                )
            }
        ),
    ),
)


@rules(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(KINDS).flatmap(lambda k: st.tuples(st.just(k), st.sampled_from(hidden_from(k)))), acts)
async def test_whatever_is_sent_is_answered_alike(
    intake: FastAPI, issuer: DevIssuer, pair: tuple[str, Hidden], act: tuple[str, Any]
) -> None:
    kind, happened = pair
    async with a_scene(intake, issuer, kind) as scene:
        plain, other = await scene.refer(), await scene.refer()
        await happened(scene, other)
        assert await told(scene, plain, *act) == await told(scene, other, *act), (kind, happened.__name__)


async def test_a_neutral_answer_has_no_effect(intake: FastAPI, issuer: DevIssuer, ask: Ask) -> None:
    async with a_scene(intake, issuer, "employer") as scene:
        referral_id = await scene.refer()
        await withdrawn(scene, referral_id)
        before = ask("SELECT count(*) FROM outbox"), ask("SELECT given_name FROM referral_details")
        for what, body in (
            ("contest", {}),
            ("corrections", {"person": {"given_name": "Zed"}}),
            ("withdrawal", {"reason": "not_stated"}),
        ):
            assert (await told(scene, referral_id, what, body))[0] == 201
        assert (ask("SELECT count(*) FROM outbox"), ask("SELECT given_name FROM referral_details")) == before
