"""Nothing leaves that nobody classed, and nothing in plain where only a token may stand."""

import traceback
import warnings
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, computed_field, create_model

from services.kernel.decision import Command, Draft, Event, Refused
from services.kernel.field_classes import MustNotLeave, class_faults, let_out
from services.kernel.registry import Classes, Contract, FieldClass, Registry
from services.kernel.runtime.fold import Aggregate, Lineage, Output, Sealing, apply, encode
from services.kernel.sealing.content import Digest, KeyMissing, Sealed, SealedAs, Sealer
from services.kernel.sealing.errors import SealInvalid
from services.kernel.sealing.subject_key import ERASED, KeyFound
from services.kernel.service import Service
from tests.parts.keys import key_of, opened

TOLD = "uk.example.secret.told.v1"
NOW = datetime(2024, 11, 18, 9, 30, tzinfo=UTC)
WORDS = "nobody may read this"
MARK = Digest.of(b"x")


class Secret(BaseModel):
    words: str


Hidden = Annotated[Sealed[Secret], SealedAs("secret")]


class Part(BaseModel):
    secret: Hidden | None
    mark: Digest | None = None


class Told(BaseModel):
    subject: str
    tags: tuple[str, ...] = ()
    part: Part
    parts: tuple[Part, ...] = ()


OPEN, RESTRICTED, SEALED = FieldClass
CLASSES: Mapping[str, FieldClass] = {
    "subject": OPEN,
    "tags": OPEN,
    "part.secret": SEALED,
    "part.mark": RESTRICTED,
    "parts[].secret": SEALED,
    "parts[].mark": RESTRICTED,
}


def registry(model: type[BaseModel] = Told, classes: Mapping[str, FieldClass] = CLASSES) -> Registry:
    return Registry([Contract(TOLD, model, "secrets", "teller")], lambda: {TOLD: classes})


def told(secret: Any = None) -> Told:
    return Told(subject="ada", part=Part(secret=secret or Sealed.of(Secret(words=WORDS)), mark=Digest.of(b"x")))


def event(data: BaseModel) -> Event:
    return Event("00000000-0000-5000-8000-000000000001", TOLD, "k", 1, data, NOW)


# Types.


def test_a_model_of_which_every_field_has_its_class_may_leave() -> None:
    assert class_faults(Told, CLASSES) == ()
    let_out(registry(), TOLD, told())


@pytest.mark.parametrize("path", sorted(CLASSES))
def test_a_field_without_a_class_is_refused(path: str) -> None:
    rest = {name: given for name, given in CLASSES.items() if name != path}
    assert class_faults(Told, rest) == (f"{path} has no class",)
    with pytest.raises(MustNotLeave, match="has no class"):
        let_out(registry(classes=rest), TOLD, told())


@pytest.mark.parametrize("path", sorted(CLASSES))
def test_sealed_is_the_class_of_sealed_fields_and_of_no_other(path: str) -> None:
    wrong = {**CLASSES, path: OPEN if CLASSES[path] is SEALED else SEALED}
    says = "is sealed and of class open" if CLASSES[path] is SEALED else "is of class sealed and not sealed"
    assert class_faults(Told, wrong) == (f"{path} {says}",)


def a_model(**fields: Any) -> type[BaseModel]:
    made: type[BaseModel] = create_model("Made", **{name: (kind, ...) for name, kind in fields.items()})  # type: ignore[call-overload]  # fields by name
    return made


class Computed(BaseModel):
    words: Hidden

    @computed_field  # type: ignore[prop-decorator]  # how pydantic wants it
    @property
    def shown(self) -> str:
        return self.words.content.words


class Wide(BaseModel):
    model_config = ConfigDict(extra="allow")
    words: Hidden


@pytest.mark.parametrize(
    ("model", "classes", "fault"),
    [
        (a_model(words=Hidden | str), {"words": SEALED}, "words is of class sealed and not sealed"),
        (a_model(words=Hidden | str), {"words": OPEN}, "words is sealed and of class open"),
        (a_model(words=tuple[Secret, ...]), {"words": SEALED}, "words[].words has no class"),
        (a_model(words=tuple[str, ...]), {"words": SEALED}, "words is of class sealed and not sealed"),
        (a_model(words=Any), {"words": OPEN}, "words may hold anything"),
        (a_model(words=object | None), {"words": OPEN}, "words may hold anything"),
        (a_model(words=dict[str, str]), {"words": OPEN}, "words may hold anything"),
        (a_model(words=dict[str, Any]), {"words": SEALED}, "words is of class sealed and not sealed"),
        (a_model(words=list), {"words": OPEN}, "words may hold anything"),
        (a_model(words=tuple[int, str]), {"words": OPEN}, "words may hold anything"),
        (Computed, {"words": SEALED}, "shown has no class"),
        (Wide, {"words": SEALED}, "the whole may hold anything"),
    ],
)
def test_a_field_that_may_hold_what_its_class_does_not_say_is_refused(
    model: type[BaseModel], classes: Mapping[str, FieldClass], fault: str
) -> None:
    assert fault in class_faults(model, classes)


def test_a_list_of_tokens_is_sealed() -> None:
    assert class_faults(a_model(words=tuple[Hidden, ...]), {"words": SEALED}) == ()


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(MustNotLeave) as refusal:
        let_out(registry(classes={"subject": SEALED}), TOLD, told())
    for path in CLASSES:
        assert path in str(refusal.value)


def test_a_registry_to_which_nobody_gave_classes_lets_nothing_out() -> None:
    with pytest.raises(MustNotLeave, match="has no class"):
        let_out(Registry([Contract(TOLD, Told, "secrets", "teller")]), TOLD, told())


def test_data_of_another_model_than_the_type_s_is_refused() -> None:
    class More(Told):
        shown: str = WORDS

    with pytest.raises(MustNotLeave, match="is no More"):
        let_out(registry(), TOLD, More(subject="ada", part=Part(secret=None)))


def test_a_type_is_looked_at_once() -> None:
    asked = []

    def classes() -> Classes:
        asked.append(1)
        return {TOLD: CLASSES}

    found = Registry([Contract(TOLD, Told, "secrets", "teller")], classes)
    assert asked == []
    for _ in range(3):
        let_out(found, TOLD, told())
    assert asked == [1]


def test_classes_that_cannot_be_read_let_nothing_out_and_are_read_again() -> None:
    readable = False

    def classes() -> Classes:
        if not readable:
            raise OSError("no such file")
        return {TOLD: CLASSES}

    found = Registry([Contract(TOLD, Told, "secrets", "teller")], classes)
    with pytest.raises(OSError, match="no such file"):
        let_out(found, TOLD, told())
    readable = True
    let_out(found, TOLD, told())


# Values: a model can be made without validation.


def forged(**part: Any) -> Told:
    """An event whose part nobody validated."""
    return told().model_copy(update={"part": Part.model_construct(**{"secret": None, "mark": None, **part})})


PLAIN: Mapping[str, Told] = {
    "an object in the place of the sealed part": told().model_copy(update={"part": {"secret": {"words": WORDS}}}),
    "an object in the place of a token": forged(secret={"words": WORDS}),
    "a text in the place of a token": forged(secret=WORDS),
    "a text that calls itself a token": forged(secret=Sealed(WORDS, SealedAs("secret"))),
    "a text in the place of a digest": forged(mark=WORDS),
    "content that no model has seen": forged(secret=Sealed.of(Secret(words=WORDS))),
    "an object in a list": told().model_copy(update={"parts": ({"secret": {"words": WORDS}},)}),
    "an object in an open field": told().model_copy(update={"subject": {"words": WORDS}}),
    "an object among open texts": told().model_copy(update={"tags": ({"words": WORDS},)}),
}


@pytest.mark.parametrize("what", PLAIN)
def test_a_plain_value_that_escaped_validation_is_not_encoded_and_not_quoted(what: str) -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with pytest.raises((MustNotLeave, SealInvalid)) as refusal:
            encode(event(PLAIN[what]), key_of("ada"))
    assert said == []
    assert WORDS not in "".join(traceback.format_exception(refusal.value)), "whoever logs it logs what led to it, too"


@pytest.mark.parametrize("text", [WORDS, "a.b.c.d", "..", ""])
def test_a_text_that_is_no_token_is_refused_where_content_is_given(text: str) -> None:
    with pytest.raises(ValueError, match="token_"):
        Part(secret=text)  # type: ignore[arg-type]


def test_what_is_encoded_under_a_key_opens_and_shows_nothing() -> None:
    value = encode(event(told()), key_of("ada"))
    assert WORDS.encode() not in value
    secret = opened(Told, value, "ada").part.secret
    assert secret is not None
    assert secret.content.words == WORDS


# The outbox.


def service(found: Registry, data: Callable[[], BaseModel] = told) -> Service:
    return Service(
        name="teller",
        registry=found,
        inputs=(),
        output="secrets",
        handles=frozenset(),
        state=Told,
        decide=lambda *_, **__: [Draft(TOLD, data()), Draft(TOLD, data())],
        evolve=lambda _, event: event.data,
        policy=lambda: None,
        subject=lambda _: "ada",
    )


def tell(one: Service, key: KeyFound | None) -> tuple[Output, Aggregate]:
    aggregate, output = Aggregate("k"), Output()
    command = Command("00000000-0000-7000-8000-000000000001", "tell", "k", None)
    sealing = Sealing({} if key is None else {"ada": key})
    try:
        apply(one, None, aggregate, command, NOW, Lineage(NOW, "c"), output, sealing)
    except Exception as error:
        assert (aggregate, output) == (Aggregate("k"), Output()), "something is left behind"
        raise error from None
    return output, aggregate


def test_a_type_that_may_leave_reaches_the_outbox() -> None:
    output, aggregate = tell(service(registry()), key_of("ada"))
    assert (len(output.outbox), aggregate.sequence) == (2, 2)


def test_a_type_that_may_not_leave_is_a_bug_and_leaves_nothing_behind() -> None:
    with pytest.raises(MustNotLeave):
        tell(service(registry(classes={**CLASSES, "part.secret": OPEN})), key_of("ada"))


@pytest.mark.parametrize("what", PLAIN)
def test_a_plain_value_is_a_bug_and_leaves_nothing_behind(what: str) -> None:
    with pytest.raises((MustNotLeave, SealInvalid)):
        tell(service(registry(), lambda: PLAIN[what]), key_of("ada"))


def test_an_erased_key_is_met_through_the_serialiser_and_refuses_the_command() -> None:
    with pytest.raises(Refused) as refusal:
        tell(service(registry()), ERASED)
    assert refusal.value.status == 410


@pytest.mark.parametrize("made", [told, lambda: told().model_copy(update={"part": Part(secret=None, mark=MARK)})])
def test_a_lost_key_is_met_through_the_serialiser_and_named(made: Callable[[], BaseModel]) -> None:
    with pytest.raises(KeyMissing):
        tell(service(registry(), made), None)


def test_a_sealer_says_what_it_refused() -> None:
    sealer = Sealer(None, "e")
    with pytest.raises(KeyMissing):
        sealer.seal(b"", "secret")
    assert isinstance(sealer.refusal, KeyMissing)
