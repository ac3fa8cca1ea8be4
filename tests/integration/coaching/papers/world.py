"""Intake as coaching sees it when a page is made: what it answers, and what it was asked."""

from collections.abc import Awaitable, Callable

import httpx

from tests.unit.coaching.desk import GIVEN

ANSWER = {"given_name": "Mina <b>", "family_name": "O'Example", "postcode": "M1 1AE", "contact": {"phone": "1"}}
CONSENTS = {"take_part": GIVEN, "share_with_gp": GIVEN, "share_with_employer": GIVEN}
VIEWS = ["participant", "gp", "employer"]


class Intake:
    """What intake answers about a person; what was asked of it."""

    def __init__(self) -> None:
        self.answer: httpx.Response | Exception = httpx.Response(200, json=ANSWER)
        self.asked: list[httpx.Request] = []
        self.meanwhile: Callable[[], object] = lambda: None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        self.meanwhile()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


Ready = Callable[..., Awaitable[None]]
"""Makes an agreed plan of Ada's with an adjustment; consents by name replace those given."""
