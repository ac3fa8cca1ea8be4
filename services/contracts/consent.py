"""Consents as facts over time: what was allowed on which day, and the proof that an employer may be told something.

Consent to take part, to share with the GP and to share with the employer are three facts, each given and withdrawn by
itself (domain.md, section 4). A fact counts from its London day on; of several of one day the one that was recorded
last. So a fact that comes late changes what was allowed from its own day, not from the day on which it came.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Final, Never, NoReturn, Self, final

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import CoreSchema, core_schema

from services.contracts.base import Actor, Moment, Record, Uuid
from services.contracts.codes import Channel, ConsentKind
from services.contracts.referral import Consent, Consents

_MINTED: Final = object()
_RANK: Final = {kind: rank for rank, kind in enumerate(ConsentKind)}


class ConsentFact(Record):
    """A consent was given, refused or withdrawn: on which London day, how, to whom, and by which event it is known.

    ``by`` is null where the person said it with the referral, through whoever referred them.
    """

    kind: ConsentKind
    given: bool
    on: date
    channel: Channel | None
    by: Actor | None
    recorded_at: Moment
    source: Uuid


def _order(fact: ConsentFact) -> tuple[Any, ...]:
    """By day, then by recording; of two that were recorded at one moment the refusal counts, as if it came last."""
    return fact.on, fact.recorded_at, not fact.given, fact.source, _RANK[fact.kind], fact.channel or "", fact.by or ""


class NotPermitted(TypeError):
    """Something for an employer was to be made without the permission that a consent history gives. A bug."""


@final
class EmployerPermission:
    """Proof that on the day ``on`` the third consent stood for one referral; it was given on ``given_on``.

    Only :meth:`ConsentHistory.employer_permission` makes one: there is no constructor, no subclass, no copy by pickle,
    and whoever takes one checks it with :func:`proven`.
    """

    __slots__ = ("_minted", "given_on", "on", "referral_id")

    referral_id: str
    on: date
    given_on: date

    if TYPE_CHECKING:

        def __init__(self, nobody: Never) -> None: ...

    else:

        def __new__(cls, *_: object, **__: object) -> NoReturn:
            """Refuse whatever is given."""
            raise NotPermitted("only a consent history gives an EmployerPermission")

        def __init_subclass__(cls) -> NoReturn:
            raise NotPermitted("an EmployerPermission has no other kinds")

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise NotPermitted("an EmployerPermission says what its history said")

    def __delattr__(self, name: str) -> NoReturn:
        raise NotPermitted("an EmployerPermission says what its history said")

    def __reduce__(self) -> NoReturn:
        raise NotPermitted("an EmployerPermission is asked for where it is needed, never carried about")

    def __repr__(self) -> str:
        on, given_on = getattr(self, "on", None), getattr(self, "given_on", None)
        return f"EmployerPermission(on={on}, given_on={given_on})"

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, __: Any) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(proven)


def _permission(referral_id: str, on: date, given_on: date) -> EmployerPermission:
    made = object.__new__(EmployerPermission)
    for name, value in (("referral_id", referral_id), ("on", on), ("given_on", given_on), ("_minted", _MINTED)):
        object.__setattr__(made, name, value)
    return made


def proven(permission: object) -> EmployerPermission:
    """Return ``permission`` if a consent history has made it. Raises NotPermitted for anything else."""
    if type(permission) is EmployerPermission and getattr(permission, "_minted", None) is _MINTED:
        return permission
    raise NotPermitted("this needs the EmployerPermission of a consent history")


@dataclass(frozen=True, slots=True)
class ConsentHistory:
    """All that is known of one referral's consents, in the order in which it counts. Made with :meth:`of`."""

    referral_id: str
    facts: tuple[ConsentFact, ...] = ()

    @classmethod
    def of(cls, referral_id: str, facts: Iterable[ConsentFact]) -> Self:
        """Return the history of a referral's ``facts``, which may come in any order and more than once."""
        return cls(referral_id, tuple(sorted(set(facts), key=_order)))

    def standing(self, kind: ConsentKind, on: date) -> ConsentFact | None:
        """Return the fact that counts on a day; None: the question had not been put by then."""
        return next((fact for fact in reversed(self.facts) if fact.kind is kind and fact.on <= on), None)

    def allowed(self, kind: ConsentKind, on: date) -> bool | None:
        """Tell whether something was allowed on a day; None: never asked. A withdrawal counts from its own day."""
        fact = self.standing(kind, on)
        return None if fact is None else fact.given

    def employer_permission(self, on: date) -> EmployerPermission | None:
        """Return the proof that the employer may be told something on a day; None: they may not."""
        fact = self.standing(ConsentKind.SHARE_WITH_EMPLOYER, on)
        return _permission(self.referral_id, on, fact.on) if fact is not None and fact.given else None


class AlwaysValidated:
    """Of a model: it cannot be made without validation, for so it could be made without permission."""

    @classmethod
    def model_construct(cls, *_: Any, **__: Any) -> Any:
        """Refuse."""
        raise NotPermitted(f"{cls.__name__} is made with its permission, and validated")


class EmployerFacing(AlwaysValidated, BaseModel):
    """Something about a referral that is handed to an employer, with its permission, which never leaves the process.

    A model without the permission cannot be made: mypy asks for the argument, and pydantic refuses what is none. Raises
    NotPermitted for the permission of another referral.
    """

    model_config = ConfigDict(frozen=True)

    referral_id: str
    permission: Annotated[EmployerPermission, Field(exclude=True, repr=False)]

    @model_validator(mode="after")
    def _of_this_referral(self) -> Self:
        if proven(self.permission).referral_id != self.referral_id:
            raise NotPermitted("the permission is for another referral")
        return self


def first_words(consents: Consents, referred_on: date, recorded_at: Moment, source: Uuid) -> list[ConsentFact]:
    """Return what was said with a referral; a consent without a day was said on the day of the referral."""
    return [
        ConsentFact(
            kind=kind,
            given=said.given,
            on=said.stood_from or referred_on,
            channel=said.channel,
            by=None,
            recorded_at=recorded_at,
            source=source,
        )
        for kind in ConsentKind
        if (said := word(consents, kind)) is not None
    ]


def word(consents: Consents, kind: ConsentKind) -> Consent | None:
    """Return the latest word on one consent."""
    found: Consent | None = getattr(consents, kind.value)
    return found


def with_word(consents: Consents, kind: ConsentKind, said: Consent) -> Consents:
    """Return the latest words after one more. One that says otherwise about an earlier day than the known one's came
    late and was overtaken: it only says from when the known one has stood. One that says the same again moves nothing:
    what it stood for since its first day goes on. A known word without a day was said with the referral, before any
    other.
    """
    known = word(consents, kind)
    return consents.model_copy(update={kind.value: said if known is None else _after(known, said)})


def _after(known: Consent, said: Consent) -> Consent:
    if known.on is None or said.on is None:
        return known if said.given is known.given else said
    since, other_on = known.since or known.on, known.other_on
    if said.given is not known.given:
        if said.on >= known.on:
            return said.model_copy(update={"other_on": known.on})
        other_on = max(said.on, other_on or said.on)
        if said.on >= since:
            since = known.on  # the other word lay between: from the last one on it is sure
        last = known
    else:
        if other_on is None or said.on >= other_on:
            since = min(since, said.on)
        last = said if said.on >= known.on else known
    return last.model_copy(update={"since": None if since == last.on else since, "other_on": other_on})
