"""Wishes are told in confidence under a key; what is kept says how long they are. Some are trouble, on purpose.

The sibling of the tally that seals: whose wish it is, is the subject, and its key seals the wish, what follows from it
(:class:`Answer`), and a word that a command leaves beside it.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import IntEnum
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict

from services.kernel.decision import Cause, Command, Draft, Event, Reason, Refused
from services.kernel.registry import Classes, Contract, FieldClass, Registry
from services.kernel.runtime.records import Record
from services.kernel.sealing.content import Digest, Sealed, SealedAs, Sealer, unlock
from services.kernel.sealing.subject_key import SubjectKey
from services.kernel.service import Change, Row, Service, Table
from tests.tally.records import headers

TOLD = "uk.example.wish.told.v1"
M = TypeVar("M", bound=BaseModel)
KEPT = "uk.example.wish.kept.v1"
TELL = "wish.tell"


class Part(BaseModel):
    """A part of a message or of a state."""

    model_config = ConfigDict(frozen=True)


class Wish(Part):
    """What somebody wishes."""

    text: str


class Answer(Part):
    """What follows from wishes: how many letters they have."""

    letters: int


SealedWish = Annotated[Sealed[Wish], SealedAs("wish")]
SealedAnswer = Annotated[Sealed[Answer], SealedAs("answer")]


class Ask(IntEnum):
    """What is to be done with a wish."""

    READ = 0
    PASS_ON = 1
    BE_SILENT = 2
    BLURT = 3
    REFUSE = 4


class Told(Part):
    """A wish was told, by an event or by a command; ``word`` is for a column alone."""

    subject: str
    ask: Ask = Ask.READ
    wish: SealedWish | None
    word: str | None = None


class Kept(Part):
    """What is kept of the wishes under a key. ``digest`` is of the last one that was read."""

    subject: str
    count: int
    wish: SealedWish | None
    answer: SealedAnswer | None
    digest: Digest | None


class Box(Part):
    """State: the last wish and what followed."""

    subject: str
    count: int
    wish: SealedWish | None
    answer: SealedAnswer | None


WORDS = Table("words", (("key", "text"), ("word", "text")))
CREATE_WORDS = "CREATE TABLE words (key text, word text); GRANT INSERT, SELECT ON words TO wishes_run"


def decide(state: Box | None, cause: Cause, *, policy: Any, now: datetime) -> list[Draft]:
    """Read a wish and say how many letters there are so far; or do with it what is asked."""
    told: Told = cause.data
    subject, count = (told.subject, 0) if state is None else (state.subject, state.count)
    kept: dict[str, Any] = {"subject": subject, "count": count + 1, "wish": told.wish, "digest": None}
    answer = None if state is None else state.answer
    match told.ask:
        case Ask.BE_SILENT:
            return []
        case Ask.REFUSE:
            raise Refused(Reason("unwished", "no such wish"))
        case Ask.PASS_ON:
            return [Draft(KEPT, Kept(**kept, answer=answer))]
        case Ask.BLURT:
            assert told.wish is not None
            return [Draft(KEPT, Kept.model_construct(**{**kept, "wish": told.wish.content.text, "answer": answer}))]
    assert told.wish is not None
    text = told.wish.content.text
    letters = len(text) + (0 if answer is None else answer.content.letters)
    kept["digest"] = Digest.of(text.encode())
    return [Draft(KEPT, Kept(**kept, answer=Sealed.of(Answer(letters=letters))))]


def evolve(state: Box | None, event: Event) -> Box:
    """Keep the last."""
    kept: Kept = event.data
    return Box(subject=kept.subject, count=kept.count, wish=kept.wish, answer=kept.answer)


def project(change: Change) -> Iterable[Row]:
    """Write down the word that a command left."""
    if isinstance(change.cause, Command) and change.cause.data.word is not None:
        yield WORDS, (change.key, change.seal(change.cause.data.word, "word"))


def reissue(event: Event, cause_id: str) -> Command:
    """Read the command back: the event holds all of it but the word and what was to be done."""
    kept: Kept = event.data
    ask = Ask.PASS_ON if kept.digest is None else Ask.READ
    return Command(cause_id, TELL, event.key, Told(subject=kept.subject, ask=ask, wish=kept.wish))


def subject(found: Any) -> str | None:
    """Return whose wishes they are."""
    return found.subject if isinstance(found, Box | Told | Kept) else None


def classes() -> Classes:
    """Say who may read what."""
    sealed = dict.fromkeys(("wish", "answer"), FieldClass.SEALED)
    return {KEPT: {**dict.fromkeys(("subject", "count", "digest"), FieldClass.OPEN), **sealed}}


def wish_service() -> Service:
    """Build the service."""
    contracts = (Contract(TOLD, Told, "told", "source"), Contract(KEPT, Kept, "kept", "wishes"))
    return Service(
        name="wishes",
        registry=Registry(contracts, classes),
        inputs=("told",),
        output="kept",
        handles=frozenset({TOLD}),
        state=Box,
        decide=decide,
        evolve=evolve,
        policy=lambda: None,
        project=project,
        tables=(WORDS,),
        reissue=reissue,
        subject=subject,
    )


def told(
    offset: int,
    key: str,
    sequence: int,
    text: str = "a sunny day",
    *,
    by: SubjectKey | str,
    ask: Ask = Ask.READ,
    value: bytes | None = None,
) -> Record:
    """Return a wish as its producer would write it, sealed under ``by``; of a name alone: without a wish."""
    if value is None:
        if isinstance(by, str):
            data, sealer = Told(subject=by, ask=ask, wish=None), None
        else:
            data = Told(subject=by.subject, ask=ask, wish=Sealed.of(Wish(text=text)))
            sealer = Sealer(by, f"{key}/{sequence}")
        value = data.__pydantic_serializer__.to_json(data, context=sealer)
    return Record("told", 0, offset, key.encode(), value, headers(key, sequence, type_=TOLD))


def opened(model: type[M], value: str | bytes, key: SubjectKey) -> M:
    """Read a model whose sealed content can be opened."""
    found: list[Sealed[Any]] = []
    read = model.model_validate_json(value, context=found)
    unlock(found, key)
    return read
