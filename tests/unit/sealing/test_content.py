"""What a model holds in place of sealed content: plain where it arises, a token everywhere else, shown nowhere."""

import copy
import json
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticSerializationError

from services.kernel.sealing.content import (
    ContentErased,
    Digest,
    KeyMissing,
    Sealed,
    SealedAs,
    Sealer,
    sealed_text,
    unlock,
)
from services.kernel.sealing.errors import Fault, SealInvalid
from services.kernel.sealing.subject_key import ERASED, MISSING, KeyFound, SubjectKey
from services.kernel.sealing.tokens import MAX_PLAIN_BYTES, open_plain, open_token, seal, token_header
from tests.unit.sealing.subjects import ADA, BOB

EVENT = "8d7e4c1e-0000-5000-8000-000000000001"
SECRET = "nobody may read this"


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Story(Frozen):
    text: str
    pages: Annotated[int, Field(ge=1)] = 1


class Number(Frozen):
    n: int


class Letter(Frozen):
    kind: Literal["letter"] = "letter"
    story: Annotated[Sealed[Story], SealedAs("story")]


class Card(Frozen):
    kind: Literal["card"] = "card"
    note: Annotated[Sealed[str], SealedAs("note")]


class Parcel(Frozen):
    story: Annotated[Sealed[Story], SealedAs("story")]
    maybe: Annotated[Sealed[Story], SealedAs("story")] | None = None
    digest: Digest | None = None
    post: Annotated[Letter | Card, Field(discriminator="kind")] | None = None


def written(model: BaseModel, key: KeyFound | None = ADA, event: str = EVENT) -> bytes:
    return model.__pydantic_serializer__.to_json(model, context=Sealer(key, event))


def read(text: bytes | str, key: KeyFound | None = ADA) -> Parcel:
    found: list[Sealed[Any]] = []
    parcel = Parcel.model_validate_json(text, context=found)
    unlock(found, key)
    return parcel


def parcel(**changes: Any) -> Parcel:
    return Parcel(**{"story": Sealed.of(Story(text=SECRET, pages=3)), **changes})


# where it arises


def test_plain_content_can_be_read_before_it_is_sealed() -> None:
    assert parcel().story.content == Story(text=SECRET, pages=3)


def test_what_is_written_is_a_token_of_key_subject_and_field() -> None:
    token = json.loads(written(parcel()))["story"]
    header = token_header(token)
    assert (header.kid, header.sub, header.fld) == (ADA.kid, "ada", "story")
    assert open_token(token, ADA, "story", {"ada"}) == {"text": SECRET, "pages": 3}


def test_the_same_event_gives_the_same_bytes_and_another_event_others() -> None:
    assert written(parcel()) == written(parcel())
    assert written(parcel()) != written(parcel(), event=EVENT.replace("1", "2"))
    assert written(parcel()) != written(parcel(), key=BOB)


def test_nothing_plain_is_written_where_nobody_seals() -> None:
    for write in (
        lambda: parcel().model_dump_json(),
        lambda: parcel().model_dump(),
        lambda: parcel().model_dump(mode="json"),
        lambda: parcel(maybe=Sealed.of(Story(text=SECRET))).model_dump_json(),
    ):
        with pytest.raises(PydanticSerializationError, match="NotSealed") as refused:
            write()
        assert SECRET not in str(refused.value)


def test_a_token_is_written_as_it_is_by_whoever_passes_it_on() -> None:
    first = read(written(parcel()), key=None)
    assert first.model_dump_json() == written(parcel()).decode()
    assert written(first, key=MISSING) == written(parcel())
    assert written(first, key=ERASED) == written(parcel())


def test_once_written_it_is_the_token_that_a_state_keeps() -> None:
    one = parcel()
    value = written(one)
    assert one.model_dump_json().encode() == value
    assert written(one, event="another") == value
    assert one.story.content.text == SECRET, "whoever made it still knows what is in it"


@pytest.mark.parametrize("content", [Number(n=4), SECRET, {"text": SECRET}, None])
def test_content_of_another_type_is_refused(content: Any) -> None:
    """Pydantic would write another model's common fields alone, and say nothing."""
    with pytest.raises(ValidationError, match="content of story is Story") as refused:
        Parcel(story=Sealed.of(content))
    assert SECRET not in str(refused.value)
    with pytest.raises(PydanticSerializationError, match="NotSealed"):
        written(Parcel.model_construct(story=Sealed.of(content)))


def test_what_no_reader_would_take_is_not_sealed() -> None:
    fits = parcel(story=Sealed.of(Story(text="x" * (MAX_PLAIN_BYTES - 21))))
    assert read(written(fits)).story.content.text[0] == "x"
    with pytest.raises(PydanticSerializationError, match="token_too_large"):
        written(parcel(story=Sealed.of(Story(text="x" * MAX_PLAIN_BYTES))))


@pytest.mark.parametrize("value", [SECRET, Story(text=SECRET), {"text": SECRET}, 7, None, b"x", Digest("0" * 64)])
def test_a_model_takes_plain_values_in_no_form(value: Any) -> None:
    with pytest.raises(ValidationError):
        Parcel(story=value)
    for made in (Parcel.model_construct(story=value), parcel().model_copy(update={"story": value})):
        with pytest.raises(PydanticSerializationError, match="NotSealed"):
            written(made)


@pytest.mark.parametrize("value", [SECRET, b"x", 7, Sealed.of(Story(text=SECRET))])
def test_a_digest_is_not_made_of_plain_values_either(value: Any) -> None:
    with pytest.raises(ValidationError):
        parcel(digest=value)
    with pytest.raises(PydanticSerializationError):
        written(parcel().model_copy(update={"digest": value}))


# where it came


def test_content_that_came_opens_with_its_subject_s_key() -> None:
    assert read(written(parcel())).story.content == Story(text=SECRET, pages=3)


def test_it_is_opened_when_it_is_asked_for_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []

    def counting(*given: Any) -> bytes:
        opened.append(given[2])
        return open_plain(*given)

    monkeypatch.setattr("services.kernel.sealing.content.open_plain", counting)
    came = read(written(parcel()))
    assert opened == []
    assert came.story.content is came.story.content
    unlock([came.story], ADA)
    assert came.story.content.text == SECRET
    assert opened == ["story"]


def test_what_was_opened_is_forgotten_with_another_key() -> None:
    came = read(written(parcel()))
    assert came.story.content.text == SECRET
    unlock([came.story], ERASED)
    with pytest.raises(ContentErased):
        _ = came.story.content
    unlock([came.story], SubjectKey(ADA.subject, ADA.kid, ADA.secret))
    assert came.story.content.text == SECRET


@pytest.mark.parametrize(
    ("key", "raised"),
    [(ERASED, ContentErased), (MISSING, KeyMissing), (None, KeyMissing)],
    ids=["erased", "missing", "none at hand"],
)
def test_without_a_key_it_says_which_of_the_two_it_is(key: KeyFound | None, raised: type[Exception]) -> None:
    came = read(written(parcel()), key=key)
    with pytest.raises(raised):
        _ = came.story.content
    sealer = Sealer(key, EVENT)
    for seal_it in (sealer.key, lambda: sealer.text("x", "note"), lambda: sealer.seal(b"1", "note")):
        with pytest.raises(raised):
            seal_it()
    assert isinstance(sealer.refusal, raised)


@pytest.mark.parametrize(
    ("token", "fault"),
    [
        (seal({"text": "x"}, BOB, "story"), Fault.SUBJECT),
        (seal({"text": "x"}, ADA, "note"), Fault.FIELD),
        (seal({"text": "x"}, SubjectKey("ada", "kid-9", ADA.secret), "story"), Fault.KEY_ID),
        (seal({"text": "x"}, SubjectKey("ada", ADA.kid, b"x" * 32), "story"), Fault.FORGED),
        (seal({"text": 5}, ADA, "story"), Fault.PLAIN),
        (seal({"text": "x", "pages": 0}, ADA, "story"), Fault.PLAIN),
        (seal([SECRET], ADA, "story"), Fault.PLAIN),
    ],
)
def test_a_token_that_is_not_what_it_should_be_is_refused_by_code(token: str, fault: Fault) -> None:
    came = read(json.dumps({"story": token}))
    with pytest.raises(SealInvalid) as refused:
        _ = came.story.content
    assert refused.value.code is fault
    assert SECRET not in repr(refused.value)


@pytest.mark.parametrize(
    "value",
    [
        SECRET,
        "",
        "a..b.c.d",
        f"{seal(1, ADA, 'story')}\n",
        seal(1, ADA, "story").replace("..", ".x."),
        {"text": SECRET},
        None,
        3,
    ],
)
def test_what_is_no_token_is_invalid_where_it_comes_in(value: Any) -> None:
    with pytest.raises(ValidationError):
        read(json.dumps({"story": value}))


def test_a_string_in_a_record_of_a_table_must_be_a_token_too() -> None:
    token = json.loads(written(parcel()))["story"]
    assert Parcel.model_validate({"story": token}).model_dump()["story"] == token
    for wrong in (SECRET, f"{token}\n", f"{token[:-1]}!"):
        with pytest.raises(ValidationError):
            Parcel.model_validate({"story": wrong})


# passed on


def test_a_token_of_somebody_else_or_another_field_is_not_passed_on() -> None:
    for token, fault in (
        (seal({"text": "x"}, BOB, "story"), Fault.SUBJECT),
        (seal({"text": "x"}, ADA, "note"), Fault.FIELD),
    ):
        came = read(json.dumps({"story": token}))
        for key, subject in ((ADA, None), (ERASED, "ada"), (MISSING, "ada")):
            sealer = Sealer(key, EVENT, subject)
            with pytest.raises(PydanticSerializationError):
                came.__pydantic_serializer__.to_json(came, context=sealer)
            assert isinstance(sealer.refusal, SealInvalid)
            assert sealer.refusal.code is fault


def test_content_sealed_as_one_field_goes_into_no_other() -> None:
    came = read(written(parcel()))
    with pytest.raises(ValidationError, match="sealed as story, not as note"):
        Card(note=came.story)  # type: ignore[arg-type]  # the fault that is meant
    smuggled = Card.model_construct(note=came.story)  # type: ignore[arg-type]
    with pytest.raises(PydanticSerializationError, match="NotSealed"):
        written(smuggled)
    made = Sealed.of("x")
    assert Card(note=made).note.content == "x"
    with pytest.raises(ValidationError, match="sealed as note, not as story"):
        Letter(story=made)  # type: ignore[arg-type]


def test_it_goes_from_one_record_into_another_as_it_is() -> None:
    came = read(written(parcel()), key=None)
    letter = Letter(story=came.story)
    assert letter.story is came.story
    assert json.loads(letter.model_dump_json())["story"] == came.story.token


# in unions, in nothing at all


def test_none_stays_none_and_is_nobody_s_token() -> None:
    assert read(written(parcel())).maybe is None
    assert json.loads(written(parcel()))["maybe"] is None
    both = read(written(parcel(maybe=Sealed.of(Story(text="two")))))
    assert both.maybe is not None
    assert both.maybe.content.text == "two"


@pytest.mark.parametrize(
    "post", [Letter(story=Sealed.of(Story(text="in a letter"))), Card(note=Sealed.of("on a card"))]
)
def test_variants_of_a_union_are_unlocked_too(post: Letter | Card) -> None:
    came = read(written(parcel(post=post)))
    assert came.post == post
    match came.post:
        case Letter(story=story):
            assert story.content.text == "in a letter"
        case Card(note=note):
            assert note.content == "on a card"


def test_whoever_reads_without_a_list_reads_all_the_same() -> None:
    came = Parcel.model_validate_json(written(parcel()))
    with pytest.raises(KeyMissing):
        _ = came.story.content


# equality


def test_tokens_are_equal_by_their_bytes_and_no_key_is_needed() -> None:
    value = written(parcel())
    one, other = read(value, key=ERASED), read(value, key=None)
    assert one == other
    assert one != read(written(parcel(), event="another"), key=ERASED)


def test_plain_content_is_equal_by_what_it_says() -> None:
    assert parcel() == parcel()
    assert parcel() != parcel(story=Sealed.of(Story(text="else")))
    assert parcel().story == read(written(parcel())).story
    assert parcel().story != read(written(parcel(story=Sealed.of(Story(text="else"))))).story
    with pytest.raises(ContentErased):
        assert parcel().story == read(written(parcel()), key=ERASED).story


def test_it_is_equal_to_nothing_else_and_in_no_set() -> None:
    assert parcel().story != Story(text=SECRET, pages=3)
    for value in (parcel().story, Digest.of(b"x")):
        with pytest.raises(TypeError, match="unhashable"):
            hash(value)


# nothing shows


def test_no_repr_shows_content_token_or_key() -> None:
    value = written(parcel(digest=Digest.of(SECRET.encode())))
    token = json.loads(value)["story"]
    came = read(value)
    assert came.story.content.text == SECRET
    for shown in (repr(parcel()), repr(parcel().story), repr(came), str(came.story), repr(Digest.of(SECRET.encode()))):
        assert SECRET not in shown
        assert token not in shown
        assert ADA.secret.hex() not in shown
    assert repr(came.story) == "Sealed(story)"
    assert repr(Sealed.of(SECRET)) == "Sealed(plain)"


def test_a_copy_keeps_what_it_is() -> None:
    came = read(written(parcel()))
    assert copy.copy(came) == came
    assert came.model_copy(update={"digest": None}).story is came.story


# digests


def test_a_digest_is_made_under_the_subject_s_key_when_it_is_written() -> None:
    def digest(key: SubjectKey, *parts: bytes) -> str:
        found: str = json.loads(written(parcel(digest=Digest.of(*parts)), key))["digest"]
        return found

    assert digest(ADA, b"a", b"b") == digest(ADA, b"a", b"b")
    assert len({digest(ADA, b"ab"), digest(ADA, b"a", b"b"), digest(ADA, b"a", b"b", b""), digest(BOB, b"ab")}) == 4
    assert len(digest(ADA)) == 64


def test_a_digest_that_came_stays_and_one_that_was_made_forgets_its_parts() -> None:
    one = parcel(digest=Digest.of(SECRET.encode()))
    assert one.digest is not None
    value = written(one)
    came = read(value, key=ERASED)
    assert came.digest == one.digest, "made and come are equal by value"
    assert written(came, key=ERASED) == value
    assert one.digest._parts == ()
    assert came.digest != Digest("f" * 64)
    assert Digest.of(b"a") == Digest.of(b"a") != Digest.of(b"b"), "not made yet: by what they are of"


@pytest.mark.parametrize(("key", "raised"), [(ERASED, ContentErased), (MISSING, KeyMissing), (None, KeyMissing)])
def test_no_digest_without_a_key(key: KeyFound | None, raised: type[Exception]) -> None:
    token_only = read(written(parcel()), key=None)
    sealer = Sealer(key, EVENT)
    made = token_only.model_copy(update={"digest": Digest.of(b"x")})
    with pytest.raises(PydanticSerializationError):
        made.__pydantic_serializer__.to_json(made, context=sealer)
    assert isinstance(sealer.refusal, raised)
    with pytest.raises(PydanticSerializationError, match="NotSealed"):
        made.model_dump_json()


@pytest.mark.parametrize("value", ["", "0" * 63, "G" * 64, "A" * 64, "0" * 64 + "\n", 5])
def test_a_digest_has_its_form(value: Any) -> None:
    with pytest.raises(ValidationError):
        read(json.dumps({"story": json.loads(written(parcel()))["story"], "digest": value}))
    with pytest.raises(ValidationError):
        parcel(digest=value)


def test_a_digest_may_be_given_as_a_string_of_a_table() -> None:
    assert parcel(digest="0" * 64).digest == Digest("0" * 64)


# columns, schemas


def test_a_text_for_a_column_is_sealed_and_opened_alike() -> None:
    token = Sealer(ADA, EVENT).text("zwei Wörter", "note")
    came = sealed_text(token, "note")
    with pytest.raises(KeyMissing):
        _ = came.content
    unlock([came], ADA)
    assert came.content == "zwei Wörter"
    other = sealed_text(token, "other")
    unlock([other], ADA)
    with pytest.raises(SealInvalid) as refused:
        _ = other.content
    assert refused.value.code is Fault.FIELD


@pytest.mark.parametrize("mode", ["validation", "serialization"])
def test_a_schema_says_what_travels_and_not_what_is_in_it(mode: Any) -> None:
    schema = Parcel.model_json_schema(mode=mode)
    story = schema["properties"]["story"]
    assert story["type"] == "string"
    assert story["contentMediaType"] == "application/jose"
    token = json.loads(written(parcel()))["story"]
    assert len(token) <= story["maxLength"]
    assert schema["properties"]["digest"]["anyOf"][0] == {"type": "string", "pattern": "^[0-9a-f]{64}$"}


@pytest.mark.parametrize("raised", [ContentErased, KeyMissing])
def test_a_key_that_is_not_there_is_no_invalid_value(raised: type[Exception]) -> None:
    """A validator would make a ValidationError of a ValueError, and a record poison of that."""
    assert not issubclass(raised, ValueError)
