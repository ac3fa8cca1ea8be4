"""Name and contact of a person, asked of intake for one page and kept nowhere.

Intake answers only the coach whom the newest ``plan.updated`` names, so the coach's own token is passed on: who asked,
when and why stands in intake's audit. What intake refuses is refused here in the same words.
"""

from typing import Annotated, Any

import httpx
import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.contracts.referral_codes import ContactPurpose
from services.kernel.http import Problem

SECONDS = 5.0

_log = structlog.get_logger()


class Contact(BaseModel):
    """What a page may name of a person. Read from intake; what else it says is left out."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    given_name: Annotated[str, Field(repr=False)]
    family_name: Annotated[str, Field(repr=False)]
    postcode: Annotated[str | None, Field(repr=False)] = None

    @property
    def name(self) -> str:
        """The name as it stands on paper."""
        return f"{self.given_name} {self.family_name}"


class Contacts:
    """Asks intake. ``transport`` takes the network's place in tests."""

    def __init__(self, url: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._url = url.rstrip("/")
        self._transport = transport

    async def of(self, person_id: str, authorization: str, purpose: ContactPurpose) -> Contact:
        """Return the contact. Raises Problem: what intake refuses, or 503 when it does not answer."""
        headers = {"Authorization": authorization}
        try:
            async with httpx.AsyncClient(transport=self._transport, timeout=SECONDS) as client:
                address = f"{self._url}/people/{person_id}/contact"
                answer = await client.get(address, params={"purpose": purpose.value}, headers=headers)
            if answer.status_code != httpx.codes.OK:
                raise _refused(answer)
            return Contact.model_validate_json(answer.content)
        except (httpx.HTTPError, ValidationError, ValueError) as error:
            _log.warning("contact_not_had", error=type(error).__name__)
            raise _unavailable() from None


def _refused(answer: httpx.Response) -> Problem:
    """Return what intake refused, in its own words; anything that is no refusal of ours is an outage."""
    if not answer.is_client_error:
        return _unavailable()
    try:
        said: dict[str, Any] = answer.json()
        return Problem(answer.status_code, str(said["code"]), str(said["detail"]))
    except (ValueError, KeyError, TypeError):
        return _unavailable()


def _unavailable() -> Problem:
    detail = "intake does not tell name and contact now, so there is no page; try again later"
    return Problem(503, "contact_unavailable", detail, headers={"Retry-After": "2"})
